/** All rows, in the order in which they are measured and shown. */
import { APP_ROWS } from "./apps.ts";
import { FILE_ROWS } from "./files.ts";
import { ONE_ROWS } from "./one.ts";
import { HANDSHAKE_ROWS } from "./handshakes.ts";
import { OPERATION_ROWS } from "./operation.ts";
import { PROXY_ROWS } from "./proxy.ts";
import type { Row } from "./row.ts";

export const ROWS: readonly Row[] = [
  ...APP_ROWS,
  ...FILE_ROWS,
  ...HANDSHAKE_ROWS,
  ...PROXY_ROWS,
  ...ONE_ROWS,
  ...OPERATION_ROWS,
];
