/** What the fronts show to certificate authorities: all of it is posted again when something comes or goes, and an authority is
 *  called only when every front has it. */
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { parseAddress } from "../base/ip-address.ts";
import { makeCertificate, newKey } from "../certificates/make.ts";
import type { Challenge } from "../certificates/order.ts";
import { keyText } from "../certificates/pem.ts";
import type { ChallengeAnswers } from "../front/challenges.ts";
import type { KeyPair } from "../net/server-tls.ts";

const HOUR_MS = 3_600_000;

export class Challenges {
  private readonly open = new Set<Challenge>();
  private readonly certificates = new Map<Challenge, KeyPair>();
  private readonly post: (answers: ChallengeAnswers) => Promise<unknown>;

  /** `post` resolves when all fronts have them. */
  constructor(post: (answers: ChallengeAnswers) => Promise<unknown>) {
    this.post = post;
  }

  async show(challenge: Challenge): Promise<() => void> {
    this.open.add(challenge);
    if (challenge.kind === "tls-alpn-01") this.certificates.set(challenge, makePair(challenge));
    await this.post(this.answers);
    return () => {
      this.open.delete(challenge);
      this.certificates.delete(challenge);
      void this.post(this.answers);
    };
  }

  private get answers(): ChallengeAnswers {
    const http = [...this.open].filter(({ kind }) => kind === "http-01");
    return {
      http: Object.fromEntries(http.map(({ token, keyAuthorization }) => [token, keyAuthorization])),
      tls: Object.fromEntries([...this.certificates].map(([{ name }, pair]) => [serverName(name), pair])),
    };
  }
}

/** RFC 8737 section 3. */
function makePair({ name, keyAuthorization }: Challenge): KeyPair {
  const key = newKey();
  const acmeDigest = createHash("sha256").update(keyAuthorization).digest();
  const dates = { from: new Date(Date.now() - HOUR_MS), to: new Date(Date.now() + 24 * HOUR_MS) };
  return {
    cert: makeCertificate({ subject: "acme challenge", names: [name], key, acmeDigest, ...dates }),
    key: keyText(key),
  };
}

/** An address is asked for by its name in the reverse tree (RFC 8738 section 6). */
function serverName(name: string): string {
  const address = isIP(name) === 0 ? undefined : parseAddress(name);
  if (address === undefined) return name;
  if (typeof address === "number") return `${name.split(".").toReversed().join(".")}.in-addr.arpa`;
  return `${[...address.toString(16).padStart(32, "0")].toReversed().join(".")}.ip6.arpa`;
}
