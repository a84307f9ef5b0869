/**
 * The packet socket of an app: front threads send on one end, every Python thread receives on the other. The kernel
 * hands each packet to one idle reader. The master holds both ends, so what is in it outlives every worker.
 */
import { closeDescriptor, sendPacket, setBuffers, socketPair } from "../os/sockets.ts";
import { quitPacket, wakePacket } from "./frames.ts";

/** Kernel memory for requests on their way; without privilege it is clipped to about 400 KiB, which is enough. */
const QUEUE_BYTES = 4 * 1024 * 1024;
/** Until a full queue is tried again. */
const QUIT_RETRY_MS = 10;

export class RequestQueue {
  /** Where front threads send. */
  readonly sendFd: number;
  /** What workers inherit. */
  readonly readFd: number;
  /** Threads that are still to be told to leave. */
  private quitsLeft = 0;
  private closed = false;

  constructor() {
    [this.sendFd, this.readFd] = socketPair("packet");
    setBuffers(this.sendFd, QUEUE_BYTES);
  }

  /** One packet for each of `threads`, behind the requests: nothing that was taken in is left undone. */
  quit(threads: number): void {
    this.quitsLeft += threads;
    const packet = quitPacket();
    while (this.quitsLeft > 0 && !this.closed) {
      if (sendPacket(this.sendFd, packet, packet.length) !== "sent") {
        setTimeout(() => this.quit(0), QUIT_RETRY_MS);
        return;
      }
      this.quitsLeft--;
    }
  }

  /** Wakes so many idle threads, whosever they are: those of a worker that is to finish then see it. Without effect on
   *  the others, and when the socket is full nobody is idle. */
  wake(threads: number): void {
    const packet = wakePacket();
    for (let i = 0; i < threads; i++) if (sendPacket(this.sendFd, packet, packet.length) !== "sent") return;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeDescriptor(this.sendFd);
    closeDescriptor(this.readFd);
  }
}
