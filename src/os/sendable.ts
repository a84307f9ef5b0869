/** Bytes that the kernel sends by itself: nothing of this process reads them, so nothing goes wrong here when they cannot be read. */
export interface Sendable {
  /** Does the kernel copy them into memory of its own to send them? Else it queues where they lie. */
  readonly isCopied: boolean;
  /**
   * Sends `length` bytes from `offset` on to a stream socket. How many it took: fewer when it has no room for more now; -errno when the
   * connection is broken. `apart`: what is sent next is not added to them in one buffer of the kernel's (os/stream-socket sendApart).
   */
  sendTo(socket: number, offset: number, length: number, apart: boolean): number;
}
