/**
 * What a release's archive holds to be read: the README, which leads to the others, and what it is about. ARCHITECTURE.md is not
 * among them: it is the map of the sources, which are not there. A link to what is not there becomes its text.
 */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PAPERS = ["LICENSE", "CHANGELOG.md", "README.md", "docs"];

/** `[text](target)` of Markdown, with an image's `!`. */
const LINK = /(?<!!)\[([^\]\n]+)\]\(([^)\s]+)\)/g;

/** `changelog`: as `released` has it. */
export function packPapers(from: string, to: string, changelog: string): void {
  for (const paper of PAPERS) cpSync(join(from, paper), join(to, paper), { recursive: true });
  writeFileSync(join(to, "CHANGELOG.md"), changelog);
  for (const name of new Bun.Glob("**/*.md").scanSync({ cwd: to, onlyFiles: true })) {
    const path = join(to, name);
    const isThere = (target: string) => existsSync(join(dirname(path), target));
    writeFileSync(path, withoutLostLinks(readFileSync(path, "utf8"), isThere));
  }
}

/** `isThere` is asked of each relative target, without its anchor. */
export function withoutLostLinks(text: string, isThere: (target: string) => boolean): string {
  return text.replace(LINK, (link: string, label: string, target: string) => {
    const [path = ""] = target.split("#");
    const isElsewhere = /^[a-z][a-z+.-]*:/i.test(target);
    return path === "" || isElsewhere || isThere(path) ? link : `${label} (in the sources)`;
  });
}
