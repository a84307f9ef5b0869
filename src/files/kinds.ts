/**
 * What the extension of a file's name alone decides, worked out once for each: its type, and whether encoded forms are looked for.
 * A name is looked up without a string of its own being made of its extension. With it stands what is made of all files of the kind.
 */
import { HeadTemplates } from "./head-template.ts";
import type { RepresentationOptions } from "./representation.ts";

/** Files of one extension seldom have more than two: hashed ones, and the others. */
const OPTIONS_MAX = 8;

export class Kind {
  readonly contentType: string;
  /** Does what is sent depend on Accept-Encoding? */
  readonly varies: boolean;
  /** Is it that of more than one file? */
  isShared = false;
  private readonly options: RepresentationOptions[] = [];

  constructor(contentType: string, varies: boolean) {
    this.contentType = contentType;
    this.varies = varies;
  }

  /** For a file of this kind, the same object for the next one. */
  optionsOf(cacheControl: string | undefined, ranges: boolean): RepresentationOptions {
    const { options } = this;
    for (let i = 0; i < options.length; i++) {
      const known = options[i] as RepresentationOptions; // i < length
      if (known.cacheControl === cacheControl && known.ranges === ranges) return known;
    }
    const { contentType, varies, isShared } = this;
    const isKept = isShared && options.length < OPTIONS_MAX;
    const templates = isKept ? new HeadTemplates() : undefined;
    const made = { cacheControl, contentType, varies, ranges, encoding: undefined, templates };
    if (isKept) options.push(made);
    return made;
  }
}

const DOT = 0x2e;
const SLASH = 0x2f;

/** Of an extension, in seven bits each: a Number holds fifty-three. */
const CHARACTERS_MAX = 7;
const CHARACTERS = 128;

/** Sites have a few dozen. */
const KINDS_MAX = 256;

export class Kinds {
  private readonly kinds = new Map<number, Kind>();
  private readonly work: (path: string) => Kind;

  /** `work` gives the same for two names of one extension (its case counts). */
  constructor(work: (path: string) => Kind) {
    this.work = work;
  }

  of(path: string): Kind {
    const key = keyOf(path);
    if (key === -1) return this.work(path);
    const known = this.kinds.get(key);
    if (known !== undefined) return known;
    const kind = this.work(path);
    if (this.kinds.size === KINDS_MAX) return kind;
    kind.isShared = true;
    this.kinds.set(key, kind);
    return kind;
  }
}

/** Of the extension, backwards; -1 of a name that has none, or an unusual one. */
function keyOf(path: string): number {
  let key = 0;
  const last = path.length - 1;
  for (let i = last; i >= 0 && last - i <= CHARACTERS_MAX; i--) {
    const char = path.charCodeAt(i);
    if (char === DOT) return key;
    if (char === SLASH || char === 0 || char >= CHARACTERS) return -1;
    key = key * CHARACTERS + char;
  }
  return -1;
}
