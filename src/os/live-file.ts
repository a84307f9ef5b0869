/**
 * A file whose own pages the kernel queues to be sent (sendfile(2)): nothing is copied here. What is written to the file while they are
 * under way reaches who reads them; so who sends from here sees to it that nothing mixed looks complete (files/by-reference.ts).
 */
import { EPIPE } from "./libc.ts";
import type { Sendable } from "./sendable.ts";
import { sendFrom } from "./stream-socket.ts";

/** Of the file, not of the connection: it cannot be read, its file system does not know how, or it has become shorter (of which a broken
 *  connection is no different; whoever writes to that next is told). */
const EIO = 5;
const EINVAL = 22;

export class LiveFile implements Sendable {
  readonly isCopied = false;
  /** It cannot be sent from here. */
  isLost = false;
  private readonly fd: number;

  /** The descriptor is somebody else's, who keeps it open. */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** Fewer, too, when it is lost. */
  sendTo(socket: number, offset: number, length: number): number {
    // Of what is only partly there that part is sent, so a short count says nothing of room: it is asked until the kernel says so.
    for (let done = 0; ;) {
      const taken = sendFrom(socket, this.fd, offset + done, length - done);
      if (taken === -EIO || taken === -EINVAL || taken === -EPIPE) this.isLost = true;
      if (taken <= 0) return done > 0 || this.isLost ? done : taken;
      done += taken;
      if (done === length) return done;
    }
  }
}
