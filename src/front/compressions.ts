/** The compressions of a front: one for all routes that say the same, so that what is learnt of clients is shared. */
import type { CompressConfig } from "../config/config.ts";
import { Compression, withCompression } from "../exchange/compress.ts";
import type { Handler } from "../exchange/exchange.ts";

export class Compressions {
  private readonly made = new Map<CompressConfig, Compression>();

  /** What files are compressed with; undefined: they are not. */
  ofFiles(compress: CompressConfig): Compression | undefined {
    return compress.files ? this.of(compress) : undefined;
  }

  /** Compresses the replies of `handler`, where that is asked for. */
  around(compress: CompressConfig, handler: Handler): Handler {
    return compress.replies ? withCompression(this.of(compress), handler) : handler;
  }

  private of(compress: CompressConfig): Compression {
    const known = this.made.get(compress) ?? new Compression(compress);
    this.made.set(compress, known);
    return known;
  }
}
