/**
 * Bytes that wait their turn: a first-in-first-out list of chunks that knows its sum. Large chunks are kept as they
 * are; small ones, and small windows on large receive buffers, are copied together into blocks, so that what is counted
 * here is about what is really kept alive (an application may stream one byte at a time).
 */

/** Chunks below this are copied: an object of its own costs more than the bytes. */
const COPY_BELOW_BYTES = 2 * 1024;

/** Size of the blocks they are copied into. */
const BLOCK_BYTES = 16 * 1024;

/** Used-up places at the head of the list are cut off when there are this many. */
const CUT_AT = 64;

export class ByteQueue {
  /** Bytes in it. */
  length = 0;
  private chunks: Uint8Array[] = [];
  private first = 0;
  /** The block behind the last chunk, if it has room for more. */
  private block: Uint8Array | undefined = undefined;
  private blockUsed = 0;

  push(bytes: Uint8Array): void {
    this.length += bytes.length;
    if (isWorthKeeping(bytes)) {
      this.block = undefined;
      this.chunks.push(bytes);
    } else if (this.block !== undefined && this.blockUsed + bytes.length <= this.block.length) {
      this.extend(this.block, bytes);
    } else {
      this.beginBlock(bytes);
    }
  }

  private extend(block: Uint8Array, bytes: Uint8Array): void {
    block.set(bytes, this.blockUsed);
    this.blockUsed += bytes.length;
    this.chunks[this.chunks.length - 1] = block.subarray(0, this.blockUsed);
  }

  private beginBlock(bytes: Uint8Array): void {
    const block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, bytes.length));
    block.set(bytes, 0);
    this.block = block;
    this.blockUsed = bytes.length;
    this.chunks.push(block.subarray(0, bytes.length));
  }

  /** The oldest chunk, or undefined. */
  shift(): Uint8Array | undefined {
    const bytes = this.chunks[this.first];
    if (bytes === undefined) return undefined;
    this.first++;
    this.length -= bytes.length;
    if (this.first === this.chunks.length) this.clear();
    else if (this.first >= CUT_AT) this.cutOff();
    return bytes;
  }

  /** Takes all of `other`, which is empty then. Itself must be empty. */
  takeOver(other: ByteQueue): void {
    this.chunks = other.chunks;
    this.first = other.first;
    this.length = other.length;
    this.block = undefined;
    other.chunks = [];
    other.clear();
  }

  clear(): void {
    this.chunks.length = 0;
    this.first = 0;
    this.length = 0;
    this.block = undefined;
  }

  private cutOff(): void {
    this.chunks.splice(0, this.first);
    this.first = 0;
  }
}

function isWorthKeeping(bytes: Uint8Array): boolean {
  return bytes.length >= COPY_BELOW_BYTES && bytes.length * 2 >= bytes.buffer.byteLength;
}
