/** When an authority wants a certificate renewed (RFC 9773): its window, and when it is to be asked again. */
import { AcmeProblem, type AcmeClient } from "./acme-client.ts";
import { renewalId } from "./order.ts";
import { ASK_AGAIN_MS, type Lifetime } from "./policy.ts";

export interface RenewalInfo {
  /** Undefined: it has no opinion, or cannot be reached. */
  readonly window: Lifetime | undefined;
  /** A page for people about this window (section 4.2); "" for none. */
  readonly explanation: string;
  readonly askAgainMs: number;
}

/** Section 4.3.3: of Retry-After. */
const ASK_AGAIN_MS_MIN = 60_000;
const ASK_AGAIN_MS_MAX = 86_400_000;

const unknown: RenewalInfo = { window: undefined, explanation: "", askAgainMs: ASK_AGAIN_MS };

/** `cert`: PEM. `clients`: of the authorities that may have signed it; the others do not know it. */
export async function askRenewalInfo(clients: readonly AcmeClient[], cert: string): Promise<RenewalInfo> {
  for (const client of clients) {
    const info = await askOne(client, cert);
    if (info.window !== undefined) return info;
  }
  return unknown;
}

async function askOne(client: AcmeClient, cert: string): Promise<RenewalInfo> {
  const id = renewalId(cert);
  try {
    const { renewalInfo } = await client.directory();
    if (renewalInfo === undefined || id === undefined) return unknown;
    const { json, retryAfterMs } = await client.get(`${renewalInfo.replace(/\/$/, "")}/${id}`);
    const { start, end } = (json["suggestedWindow"] ?? {}) as Readonly<Record<string, string>>;
    const window = { fromMs: Date.parse(start ?? ""), toMs: Date.parse(end ?? "") };
    const askAgainMs =
      retryAfterMs === 0 ? ASK_AGAIN_MS : Math.min(ASK_AGAIN_MS_MAX, Math.max(ASK_AGAIN_MS_MIN, retryAfterMs));
    const explanation = String(json["explanationURL"] ?? "");
    // Section 4.2: one that ends when it begins is none.
    return { window: window.fromMs < window.toMs ? window : undefined, explanation, askAgainMs };
  } catch (error) {
    if (error instanceof AcmeProblem) return unknown;
    throw error;
  }
}
