/** The wait for the first certificate of a site that orders its own: until it is there, or something is in the way. */

export interface CertificateState {
  /** What is shown meanwhile is one that browsers refuse. */
  readonly temporary: boolean;
  /** Orders that failed. */
  readonly failures: number;
  /** Why, a sentence each. */
  readonly problems: readonly string[];
}

export type CertificateEnd =
  { readonly kind: "there" | "late" } | { readonly kind: "problem"; readonly problems: readonly string[] };

/** An order takes five to twenty seconds; beyond, the server goes on trying by itself. */
const PATIENCE_MS = 90_000;
const ASK_EVERY_MS = 1000;

/** `look`: undefined when there is nobody to ask. */
export async function awaitCertificate(
  look: () => Promise<CertificateState | undefined>,
  isOver: () => boolean,
  sleep: (ms: number) => Promise<void> = Bun.sleep,
): Promise<CertificateEnd> {
  for (let waited = 0; waited < PATIENCE_MS && !isOver(); waited += ASK_EVERY_MS) {
    const state = await look();
    if (state === undefined) return { kind: "late" };
    if (!state.temporary) return { kind: "there" };
    if (state.failures > 0) return { kind: "problem", problems: state.problems };
    await sleep(ASK_EVERY_MS);
  }
  return { kind: "late" };
}
