/** What many readers that hardly read cost a server in memory: the growth of what its processes hold, kernel buffers apart. */
import { residentBytes } from "../../../test/support/memory.ts";

export interface SlowReaders {
  readonly port: number;
  readonly pid: number;
  readonly path: string;
  readonly readers: number;
}

/** Readers take this much, a little at a time, while memory is looked at. */
const SIPS = 12;
const SIP_EVERY_MS = 250;

/** Bytes. */
export async function slowReadersGrowth({ port, pid, path, readers }: SlowReaders): Promise<number> {
  const before = residentBytes(pid);
  const sockets: Bun.Socket[] = [];
  try {
    for (let i = 0; i < readers; i++) sockets.push(await openReader(port, path));
    let most = 0;
    for (let sip = 0; sip < SIPS; sip++) {
      for (const socket of sockets) socket.resume();
      await Bun.sleep(SIP_EVERY_MS);
      most = Math.max(most, residentBytes(pid));
    }
    return most - before;
  } finally {
    for (const socket of sockets) socket.terminate();
  }
}

/** Stops reading with every chunk that comes, so that it takes one for each `resume`. */
function openReader(port: number, path: string): Promise<Bun.Socket> {
  return Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
      data: (socket) => void socket.pause(),
    },
  });
}
