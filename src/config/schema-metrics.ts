/** The schema of [metrics]: the private listener with /metrics and the status page. How to read it: schema.ts. */
import { LISTEN } from "./address-kinds.ts";
import { optional, required, type Schema } from "./keys.ts";
import { Refusal, text } from "./kinds.ts";

export const TOKEN_CHARACTERS_MIN = 16;

const TOKEN = text(`a text of at least ${TOKEN_CHARACTERS_MIN} visible ASCII characters`, (token) =>
  token.length >= TOKEN_CHARACTERS_MIN && /^[!-~]+$/.test(token) ? token : new Refusal(),
);

export const METRICS = {
  listen: required(
    LISTEN,
    'Where the status page (`/`) and `/metrics` for Prometheus are: `"127.0.0.1:9145"`, or `"unix:/run/server/metrics.sock"` ' +
      "(only its owner may use it unless the table says another `mode`). On any other address a token is required. nginx: " +
      "stub_status. uWSGI: stats.",
  ),
  token: optional(
    TOKEN,
    "none",
    'Whoever asks must send it: `Authorization: Bearer TOKEN`, or, in a browser, as the password of any name. `"$ENV{…}"` ' +
      "keeps it out of the file.",
  ),
} satisfies Schema;
