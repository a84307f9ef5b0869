/** `make docs`: writes docs/config.md from the schema. A test says when that was forgotten. */
import { join } from "node:path";
import { referenceMarkdown } from "../src/config/reference.ts";

await Bun.write(join(import.meta.dir, "../docs/config.md"), referenceMarkdown());
