/**
 * Descriptors of files that a worker hands over, for replies whose content they are (wsgi.file_wrapper). SCM_RIGHTS over
 * a packet socket beside the streams, one for each pair of worker and front: a stream is read by the runtime, which would
 * drop them. It needs no privilege and no common user, unlike pidfd_getfd(2) and /proc/PID/fd, and works in a sandbox.
 *
 *     packet   u32 id       one descriptor beside it
 *
 * The packet is sent before the FILE frame that speaks of it, so it is here when that frame is read.
 */
import { closeSync } from "node:fs";
import { closeDescriptor, socketPair } from "../os/sockets.ts";
import { receiveDescriptor } from "../os/passed-descriptors.ts";
import type { AppMessage } from "./messages.ts";

const PACKET_BYTES = 4;

/** Those of one app and front, each by the generation of its worker. */
export class FileInboxes {
  private readonly inboxes = new Map<number, FileInbox>();

  /** `socket` is its own from now on. */
  connect(generation: number, socket: number): void {
    this.close(generation);
    this.inboxes.set(generation, new FileInbox(socket));
  }

  /** The descriptor for this request, the caller's to close; undefined when none came. */
  take(generation: number, id: number): number | undefined {
    return this.inboxes.get(generation)?.take(id);
  }

  close(generation: number): void {
    this.inboxes.get(generation)?.close();
    this.inboxes.delete(generation);
  }

  closeAll(): void {
    for (const generation of this.inboxes.keys()) this.close(generation);
  }
}

class FileInbox {
  private readonly socket: number;
  /** Came, and were not asked for yet; by the id of the request. */
  private readonly arrived = new Map<number, number>();
  private readonly packet = Buffer.alloc(PACKET_BYTES);

  constructor(socket: number) {
    this.socket = socket;
  }

  take(id: number): number | undefined {
    this.receive();
    const fd = this.arrived.get(id);
    this.arrived.delete(id);
    return fd;
  }

  private receive(): void {
    for (;;) {
      const found = receiveDescriptor(this.socket, this.packet);
      if (found === undefined) return;
      if (found.fd === -1) continue;
      const id = this.packet.readUInt32LE(0);
      const before = this.arrived.get(id);
      if (before !== undefined) closeSync(before);
      this.arrived.set(id, found.fd);
    }
  }

  close(): void {
    this.receive();
    for (const fd of this.arrived.values()) closeSync(fd);
    this.arrived.clear();
    closeDescriptor(this.socket);
  }
}

/** What of a worker's process is needed to connect it. */
interface FileGiver {
  readonly number: number;
  readonly generation: number;
  /** The descriptor stays the caller's to close. False: the worker cannot be talked to. */
  giveFileSocket(front: number, descriptor: number): boolean;
}

/** Makes the file socket between a worker and a front; before the worker gets its streams. */
export function connectFiles(worker: FileGiver, front: number, toFront: (message: AppMessage) => void): void {
  const [fd, theirs] = socketPair("packet");
  const { number, generation } = worker;
  if (worker.giveFileSocket(front, theirs)) toFront({ kind: "files", worker: number, generation, fd });
  else closeDescriptor(fd);
  closeDescriptor(theirs);
}
