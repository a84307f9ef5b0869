/**
 * The Connection field (RFC 9110 section 7.6.1) as far as it concerns the connection itself: may it go on, and does the
 * peer want another protocol? Removing the fields that it names is the business of whoever forwards.
 */

const CLOSE = 1;
const KEEP_ALIVE = 2;
const UPGRADE = 4;

/** Bits of the options in a Connection field; undefined and unknown options count nothing. */
function connectionOptions(value: string): number {
  let options = 0;
  for (const option of value.toLowerCase().split(",")) {
    const name = option.trim();
    if (name === "close") options |= CLOSE;
    else if (name === "keep-alive") options |= KEEP_ALIVE;
    else if (name === "upgrade") options |= UPGRADE;
  }
  return options;
}

/** RFC 9112 section 9.3: close wins; HTTP/1.1 stays open unless told, HTTP/1.0 only when told. */
export function isPersistent(minor: 0 | 1, connection: string | undefined): boolean {
  if (connection === undefined) return minor === 1;
  if (connection === "keep-alive") return true; // what most browsers send
  const options = connectionOptions(connection);
  if ((options & CLOSE) !== 0) return false;
  return minor === 1 || (options & KEEP_ALIVE) !== 0;
}

/** RFC 9110 section 7.8: an Upgrade field counts only in HTTP/1.1 and when Connection names it. */
export function namesUpgrade(minor: 0 | 1, connection: string | undefined): boolean {
  return minor === 1 && connection !== undefined && (connectionOptions(connection) & UPGRADE) !== 0;
}
