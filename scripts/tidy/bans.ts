/** What does not belong into the sources: one row for each thing, with where it is banned and what to do instead. */
import { lineAt, type Finding, type Source } from "./source.ts";

interface Ban {
  readonly rule: string;
  readonly pattern: RegExp;
  /** Looked for in the code alone, or in the comments and strings too. */
  readonly within: "code" | "text";
  readonly applies: (path: string) => boolean;
  readonly remedy: string;
}

const everywhere = () => true;
const inRoom = (room: string) => (path: string) => path.startsWith(`src/${room}/`);
const inProduct = (path: string) => path.startsWith("src/");
const typescript = (path: string) => path.endsWith(".ts");
/** Written in pieces, so that this file does not find itself. */
const MARKERS = ["TO" + "DO", "FIX" + "ME", "XX" + "X"].join("|");

const BANS: readonly Ban[] = [
  {
    rule: "marker",
    pattern: new RegExp(String.raw`\b(?:${MARKERS})\b`, "g"),
    within: "text",
    applies: everywhere,
    remedy: "do it now, or write an issue; the sources carry no reminders",
  },
  {
    rule: "console",
    pattern: /\bconsole\.\w+/g,
    within: "code",
    applies: (path) => inProduct(path) && !inRoom("cli")(path),
    remedy: "only the command line talks to the terminal; take a Log",
  },
  {
    rule: "only",
    pattern: /\b(?:test|it|describe)\.only\b/g,
    within: "code",
    applies: everywhere,
    remedy: "it silences every other test; take it out",
  },
  {
    rule: "skip",
    pattern: /\b(?:test|it|describe)\.(?:skip|skipIf|todo|if)\b/g,
    within: "code",
    applies: (path) => path !== "test/support/skip.ts",
    remedy: "a skipped test names its reason: testUnless(reason) of test/support/skip.ts",
  },
  {
    rule: "default-export",
    pattern: /\bexport\s+default\b/g,
    within: "code",
    applies: typescript,
    remedy: "export it by its name",
  },
  {
    rule: "enum",
    pattern: /\b(?:const\s+)?enum\s+[A-Z]\w*\s*\{/g,
    within: "code",
    applies: typescript,
    remedy: "a closed set is a union of strings, or a table `as const`",
  },
  {
    rule: "any",
    pattern: /(?::|\bas|<|\||&|,|=)\s*any\b(?!\s*[:(=])/g,
    within: "code",
    applies: typescript,
    remedy: "name the type, or take unknown and look",
  },
  {
    rule: "ts-ignore",
    pattern: /@ts-(?:ignore|expect-error|nocheck)\b/g,
    within: "text",
    applies: (path) => typescript(path) && path !== "scripts/tidy/bans.ts",
    remedy: "mend the type",
  },
  {
    rule: "ffi",
    pattern: /"bun:ffi"/g,
    within: "text",
    applies: (path) => inProduct(path) && !inRoom("os")(path),
    remedy: "the room os is the only one with FFI; ask it",
  },
  {
    rule: "kept-pointer",
    pattern: /^const (\w+) = new \w+Array\((?!new ArrayBuffer\()(?=[^]*^const \w+ = ptr\(\1\))/gm,
    within: "code",
    applies: inRoom("os"),
    remedy:
      "its memory may move, and what is kept is then an address of something else; put it over `new ArrayBuffer(…)`",
  },
  {
    rule: "sockets",
    pattern: /\bBun\.(?:listen|connect)\b/g,
    within: "code",
    applies: (path) => inProduct(path) && !inRoom("net")(path),
    remedy: "the room net is the only one that touches the runtime's sockets; ask it for a Wire",
  },
  {
    rule: "sans-io",
    pattern: /\b(?:async\b|await\b|Promise\b|setTimeout\b|setInterval\b|Bun\.)/g,
    within: "code",
    applies: inRoom("protocol"),
    remedy: "protocol is bytes in, events out: no time, no promises, no runtime",
  },
];

export function checkBans(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) => [...barrel(source), ...BANS.flatMap((ban) => offences(source, ban))]);
}

function offences(source: Source, ban: Ban): Finding[] {
  if (!ban.applies(source.path)) return [];
  const within = ban.within === "code" ? source.code : source.text;
  return [...within.matchAll(ban.pattern)].map((match) => {
    const message = `${match[0].trim()}: ${ban.remedy}`;
    return { path: source.path, line: lineAt(within, match.index), rule: ban.rule, message };
  });
}

function barrel(source: Source): Finding[] {
  if (!/(?:^|\/)index\.ts$/.test(source.path)) return [];
  const message = "a barrel hides where things are; import from the file that has them";
  return [{ path: source.path, line: 1, rule: "barrel", message }];
}
