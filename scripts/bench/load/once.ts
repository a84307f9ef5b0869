/** Every file of a folder once, over a few kept connections, each in an order of its own: what a cold cache costs. */

export interface OnceOptions {
  readonly port: number;
  /** The target of file `number`. */
  readonly target: (number: number) => string;
  readonly files: number;
  readonly bytes: number;
}

const LANES = 16;

/** Throws when an answer is not as long as the file. */
export async function askOnce(options: OnceOptions): Promise<void> {
  const lanes = Array.from({ length: LANES }, (_, lane) => askInTurn(options, lane));
  const answered = (await Promise.all(lanes)).reduce((sum, each) => sum + each, 0);
  if (answered !== options.files) throw new Error(`${answered} of ${options.files} files were answered`);
}

/** One request after the other on one connection; gives the answers. */
async function askInTurn({ port, target, files, bytes }: OnceOptions, lane: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let next = lane;
  let awaited = 0;
  let answers = 0;
  const ask = (socket: Bun.Socket) => {
    if (next >= files) return void socket.end();
    socket.write(`GET ${target(next)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    next += LANES;
    awaited = 0;
  };
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: ask,
      data: (socket, chunk) => {
        const end = awaited === 0 ? chunk.indexOf("\r\n\r\n") : -1;
        if (end !== -1) awaited = bytes + end + 4;
        awaited -= chunk.length;
        if (awaited !== 0) return;
        answers++;
        ask(socket);
      },
      close: () => resolve(answers),
      error: (_, error) => reject(error),
    },
  });
  return promise;
}
