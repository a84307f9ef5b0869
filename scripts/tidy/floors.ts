/**
 * The floors of the house: imports point down, and rooms on one floor do not know each other. The table is the map in
 * ARCHITECTURE.md; the exceptions are few, and each says why it is none in truth.
 */
import type { Import } from "./imports.ts";
import type { Finding } from "./source.ts";

const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  os: 0,
  protocol: 1,
  net: 1,
  exchange: 2,
  machine: 2,
  files: 3,
  cache: 3,
  proxy: 3,
  apps: 3,
  services: 3,
  certificates: 3,
  project: 3,
  config: 4,
  import: 4,
  front: 5,
  master: 5,
  setup: 5,
  doctor: 5,
  cli: 5,
  "main.ts": 6,
};

/** Inside protocol: what the codecs have in common stands below them. */
const PROTOCOL_FLOORS: Readonly<Record<string, number>> = { http: 0, http1: 1, uwsgi: 1, http2: 1 };

interface Doorway {
  readonly from: string;
  readonly to: RegExp;
  readonly typeOnly: boolean;
}

/** Ways between rooms of one floor. */
const DOORWAYS: readonly Doorway[] = [
  // base is below os in all but number: it imports nothing.
  { from: "os", to: /^src\/base\//, typeOnly: false },
  // Translated files become a configuration.
  { from: "import", to: /^src\/config\//, typeOnly: false },
  // The master posts messages to the front threads; it sees their shape and nothing else.
  { from: "master", to: /^src\/front\/messages\.ts$/, typeOnly: false },
  { from: "master", to: /^src\/front\//, typeOnly: true },
  // `server setup` is a command whose parts fill a room; `server doctor` looks at the same facts.
  { from: "cli", to: /^src\/setup\//, typeOnly: false },
  // Its checks are a room, like the parts of setup.
  { from: "cli", to: /^src\/doctor\//, typeOnly: false },
  // The command line starts the master.
  { from: "cli", to: /^src\/master\//, typeOnly: false },
  // `server explain` asks the router of a front.
  { from: "cli", to: /^src\/front\/explain\.ts$/, typeOnly: false },
];

/** The master starts a front thread by the address of its module, which is no import. */
const THREAD = "src/front/thread.ts";

export function checkFloors(imports: readonly Import[]): Finding[] {
  return imports.flatMap((edge) => {
    const message = wrongWay(edge);
    return message === undefined ? [] : [{ path: edge.from, line: edge.line, rule: "floors", message }];
  });
}

function wrongWay(edge: Import): string | undefined {
  const from = roomOf(edge.from);
  if (from === undefined || !edge.relative || edge.to === THREAD) return undefined;
  const to = roomOf(edge.to);
  if (to === undefined) return outside(edge);
  if (FLOORS[from] === undefined) return `${from} is no room: add it to scripts/tidy/floors.ts and ARCHITECTURE.md`;
  if (from === to) return from === "protocol" ? wrongProtocol(edge) : undefined;
  const difference = (FLOORS[from] ?? 0) - (FLOORS[to] ?? 0);
  if (difference > 0 || isDoorway(from, edge)) return undefined;
  return difference === 0
    ? `${from} imports its sibling ${to} (${edge.to}); move what both need to a floor below, or hand it over from above`
    : `${from} imports upwards, from ${to} (${edge.to}); declare a small interface here, and let the room above fulfil it`;
}

/** The version in package.json is the one thing that the product reads from beyond src. */
function outside(edge: Import): string | undefined {
  if (edge.to === "package.json") return undefined;
  return `${edge.to} is not part of the product; src imports from src only`;
}

function wrongProtocol(edge: Import): string | undefined {
  const from = protocolRoom(edge.from);
  const to = protocolRoom(edge.to);
  if (from === to || (PROTOCOL_FLOORS[from] ?? 0) > (PROTOCOL_FLOORS[to] ?? 0)) return undefined;
  return `protocol/${from} imports protocol/${to}; only what stands in protocol/http is shared by the codecs`;
}

function isDoorway(room: string, edge: Import): boolean {
  return DOORWAYS.some((door) => door.from === room && door.to.test(edge.to) && (!door.typeOnly || edge.typeOnly));
}

/** `net` for src/net/wire.ts, `main.ts` for src/main.ts, undefined outside src. */
function roomOf(path: string): string | undefined {
  return path.startsWith("src/") ? path.split("/")[1] : undefined;
}

function protocolRoom(path: string): string {
  return path.split("/")[2] ?? "";
}
