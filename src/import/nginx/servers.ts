/**
 * All `server { }` of a file: which of them gets what no other has on an address, and names that are taken. A server that
 * is the default of some of its addresses, while another one is that of the others, becomes two sites.
 */
import { Block } from "./block.ts";
import { type Listen, readListens, readNames } from "./listen.ts";
import type { Directive } from "./parser.ts";
import { silence } from "./silence.ts";
import type { Server } from "./site.ts";
import type { Translation } from "./translation.ts";

export function readServers(t: Translation, directives: readonly Directive[]): Server[] {
  const read = directives.map((directive) => {
    const block = new Block(directive.block ?? [], t.http);
    return { directive, block, listens: readListens(t, block), names: readNames(t, block) };
  });
  const defaults = defaultsOf(read);
  const taken = new Set<string>();
  return read.flatMap((server): Server[] => {
    const defaultOn = server.listens.filter(({ key }) => defaults.get(key) === server.directive);
    const names = server.names.filter((name) => !isTaken(t, server, name, taken));
    if (names.length === 0 && (defaultOn.length === 0 || server.names.length > 0) && server.listens.length > 0) {
      if (defaultOn.length === 0) {
        t.ledger.noEffect(
          server.directive,
          "is never reached: another server gets what has no name, and it has none of its own",
        );
        silence(t, server.block.directives, "stands in a server that is never reached");
        return [];
      }
    }
    const isDivided = defaultOn.length > 0 && defaultOn.length < server.listens.length;
    if (!isDivided) return [{ ...server, names, defaultOn }];
    const others = server.listens.filter((listen) => !defaultOn.includes(listen));
    const isOwned = others.every(
      ({ key }) => defaults.get(key) !== undefined && defaults.get(key) !== server.directive,
    );
    if (!isOwned) return [{ ...server, names, defaultOn }];
    const rest: Server[] = names.length === 0 ? [] : [{ ...server, listens: others, names, defaultOn: [] }];
    return [{ ...server, listens: defaultOn, names, defaultOn }, ...rest];
  });
}

type Read = Omit<Server, "defaultOn">;

/** The one that says so, else the first. */
function defaultsOf(servers: readonly Read[]): Map<string, Directive> {
  const defaults = new Map<string, Directive>();
  const said = new Set<string>();
  for (const { directive, listens } of servers) {
    for (const { key, isDefault } of listens) {
      if (!defaults.has(key) || (isDefault && !said.has(key))) defaults.set(key, directive);
      if (isDefault) said.add(key);
    }
  }
  return defaults;
}

/** nginx warns of a name that another server of the address has, and the first keeps it. */
function isTaken(t: Translation, { block, listens }: Read, name: string, taken: Set<string>): boolean {
  const keys = listens.map(({ key }: Listen) => `${key} ${name}`);
  if (keys.every((key) => taken.has(key))) {
    const [directive] = block.own("server_name");
    if (directive !== undefined)
      t.ledger.noEffect(directive, `${name} is another server's on the same address already`);
    return true;
  }
  for (const key of keys) taken.add(key);
  return false;
}
