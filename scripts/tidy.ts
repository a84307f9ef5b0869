/**
 * Is the house in order? What stands at the top, floors, cycles, dead files, sizes and banned words, each finding with its place and remedy.
 * Ends with 1 when there is one. The rules are in scripts/tidy/.
 */
import { checkAll } from "./tidy/rules.ts";
import { checkTop } from "./tidy/top.ts";
import { readKnownSizes, readSources, readTop } from "./tidy/tree.ts";

const sources = readSources();
const top = readTop();
const findings = [...(top === undefined ? [] : checkTop(top)), ...checkAll(sources, readKnownSizes())];
for (const { path, line, rule, message } of findings) console.log(`${path}:${line}: [${rule}] ${message}`);
console.log(`tidy: ${sources.length} files, ${findings.length} findings`);
process.exit(findings.length === 0 ? 0 : 1);
