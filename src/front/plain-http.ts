/** What is answered to a client that speaks HTTP where TLS is expected, so that whoever made the mistake sees it. nginx: 497, shown as 400. */
import { wallMs } from "../base/clock.ts";
import { httpDateNow } from "../protocol/http/date.ts";

const TEXT = "This address speaks HTTPS, and a request came without TLS. Ask for it with https://\n";

/** A whole reply. */
export function plainHttpAnswer(): Uint8Array {
  const head = [
    "HTTP/1.1 400 Bad Request",
    `Date: ${httpDateNow(wallMs())}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${TEXT.length}`,
    "Connection: close",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${TEXT}`, "latin1");
}
