/**
 * Verifying passwords without letting that harm anybody: hashes are made to be slow, so only a few are computed at a time,
 * the same question is computed once however often it is asked at the same time (a browser opens six connections), and
 * a right answer is remembered for a moment. What is remembered is a keyed digest of user, password and stored hash: no
 * password stays in memory, and a changed file is in force at once. Wrong answers are never remembered.
 */
import { monotonicMs } from "../base/clock.ts";
import { verifyPassword } from "./htpasswd.ts";

/** Computed at the same time in each front: Bun's thread pool is also that of files and DNS. */
const CONCURRENCY_MAX = 2;
/** Waiting behind them; further ones are told to come back (503). */
const QUEUE_MAX = 64;
const REMEMBERED_MS = 60_000;
const REMEMBERED_MAX = 4096;

export type Verdict = "right" | "wrong" | "busy";

interface Question {
  readonly digest: string;
  readonly password: Buffer;
  readonly hashed: string;
  readonly askers: ((verdict: Verdict) => void)[];
}

export class Verifier {
  private readonly secret = crypto.getRandomValues(new Uint8Array(32));
  /** Digest → until when; in the order of being remembered. */
  private readonly remembered = new Map<string, number>();
  private readonly asked = new Map<string, Question>();
  private readonly waiting: Question[] = [];
  private running = 0;
  private readonly verify: (password: Buffer, hashed: string) => Promise<boolean>;

  constructor(verify = verifyPassword) {
    this.verify = verify;
  }

  /** The verdict, when it is known at once; otherwise undefined, and `later` is called with it (never before this returns). */
  ask(user: string, password: Buffer, hashed: string, later: (verdict: Verdict) => void): Verdict | undefined {
    const digest = this.digest(user, password, hashed);
    if (this.remembers(digest)) return "right";
    const same = this.asked.get(digest);
    if (same !== undefined) {
      same.askers.push(later);
      return undefined;
    }
    if (this.running >= CONCURRENCY_MAX && this.waiting.length >= QUEUE_MAX) return "busy";
    const question = { digest, password, hashed, askers: [later] };
    this.asked.set(digest, question);
    if (this.running < CONCURRENCY_MAX) void this.run(question);
    else this.waiting.push(question);
    return undefined;
  }

  private digest(user: string, password: Buffer, hashed: string): string {
    const hasher = new Bun.CryptoHasher("sha256", this.secret);
    // A user holds no colon and a hash none either: nothing else gives the same bytes.
    hasher.update(`${user}:${hashed}:`);
    hasher.update(password);
    return hasher.digest("base64");
  }

  private remembers(digest: string): boolean {
    const until = this.remembered.get(digest);
    if (until === undefined) return false;
    if (until > monotonicMs()) return true;
    this.remembered.delete(digest);
    return false;
  }

  private async run(question: Question): Promise<void> {
    this.running++;
    const right = await this.verify(question.password, question.hashed);
    this.running--;
    this.asked.delete(question.digest);
    if (right) this.remember(question.digest);
    const next = this.waiting.shift();
    if (next !== undefined) void this.run(next);
    for (const tell of question.askers) tell(right ? "right" : "wrong");
  }

  private remember(digest: string): void {
    const [oldest] = this.remembered.keys();
    if (this.remembered.size >= REMEMBERED_MAX && oldest !== undefined) this.remembered.delete(oldest);
    this.remembered.set(digest, monotonicMs() + REMEMBERED_MS);
  }
}
