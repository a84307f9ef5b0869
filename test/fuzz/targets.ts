/** Every fuzz target, on the product as it is. */
import { withCompression } from "../../src/exchange/compress.ts";
import { clientTrace, serverTrace } from "../support/http1.ts";
import { stage } from "../support/http1-stage.ts";
import { makeCompressTarget } from "./compress-target.ts";
import { importText, makeImportTarget } from "./import-target.ts";
import { makeResponseTarget } from "./response-target.ts";
import type { FuzzTarget } from "./run.ts";
import { makeServerTarget } from "./server-target.ts";
import { makeSessionTarget } from "./session-target.ts";
import { makeUwsgiTarget, readPacket } from "./uwsgi-target.ts";

export const TARGETS: readonly FuzzTarget[] = [
  makeServerTarget(serverTrace),
  makeSessionTarget(stage),
  makeResponseTarget(clientTrace),
  makeUwsgiTarget(readPacket),
  makeCompressTarget(withCompression),
  makeImportTarget("nginx", importText),
  makeImportTarget("uwsgi", importText),
];
