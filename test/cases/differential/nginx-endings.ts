/** Where this server and nginx end a connection differently; see nginx.ts. */
import type { Difference } from "./nginx.ts";

export const ENDINGS: readonly Difference[] = [
  {
    verdict: "ours",
    reason: "who half-closes in the middle of a request still hears what was wrong; nginx closes without a word",
    ours: "4xx close",
    nginx: "nothing close",
    cases: [
      "rfc9112_8_in_method",
      "rfc9112_8_after_request_line",
      "rfc9112_8_before_the_empty_line",
      "rfc9112_8_lone_cr",
      "rfc9112_8_content_shorter_than_length",
      "rfc9112_8_no_content",
      "rfc9112_8_no_chunk",
      "rfc9112_8_within_a_chunk",
      "rfc9112_8_no_last_chunk",
      "rfc9112_8_no_final_crlf",
      "rfc9112_8_within_trailers",
    ],
  },
  {
    verdict: "either",
    reason: "behind a request that offered another protocol there may be none: its connection ends with the answer",
    ours: "2xx close",
    nginx: "2xx open",
    cases: ["rfc9110_7_8_upgrade", "rfc9110_7_8_upgrade_list"],
  },
];
