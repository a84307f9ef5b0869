/**
 * dns-01 (RFC 8555 section 8.4): a command of the administrator puts a TXT record into the zone and takes it away again. It is
 * called as lego's `exec` provider calls its programs, so that those that there are for it fit:
 *
 *     COMMAND… present _acme-challenge.www.example.org. VALUE
 *     COMMAND… cleanup _acme-challenge.www.example.org. VALUE
 *
 * An authority is called when all name servers of the zone show the record, or when that has taken too long: some are not to
 * be reached from inside.
 */
import { createHash } from "node:crypto";
import { AcmeProblem } from "./acme-client.ts";
import type { Challenge } from "./order.ts";
import { makeResolver, type Resolver } from "./resolver.ts";

export interface DnsHookOptions {
  readonly command: readonly string[];
  /** How long it is waited for that the zone shows a record; 0: not at all. */
  readonly waitMs: number;
  /** Name servers that are asked for it; none: those of the zone. */
  readonly servers: readonly string[];
}

export interface DnsRecord {
  /** With a dot at its end. */
  readonly name: string;
  readonly value: string;
}

/** Zones are changed through interfaces that take their time. */
const HOOK_MS_MAX = 300_000;
const ASK_EVERY_MS = 2_000;
const ALIASES_MAX = 8;
const SERVERS_MAX = 8;
/** Of what the command says, for the log. */
const OUTPUT_CHARS_MAX = 500;

export function recordOf({ name, keyAuthorization }: Pick<Challenge, "name" | "keyAuthorization">): DnsRecord {
  const value = createHash("sha256").update(keyAuthorization).digest("base64url");
  return { name: `_acme-challenge.${name.replace(/^\*\./, "")}.`, value };
}

export interface HookContext {
  readonly sleep: (ms: number) => Promise<void>;
  readonly say: (text: string) => void;
  readonly seen?: typeof isSeen;
}

/** Resolves when the record is there; the function takes it away, and never rejects. Throws AcmeProblem. */
export async function presentRecord(
  hook: DnsHookOptions,
  challenge: Challenge,
  { sleep, say, seen = isSeen }: HookContext,
): Promise<() => Promise<void>> {
  const record = recordOf(challenge);
  const remove = async () => {
    const problem = await run(hook.command, "cleanup", record);
    if (problem !== undefined) say(problem);
  };
  const problem = await run(hook.command, "present", record);
  if (problem !== undefined) throw new AcmeProblem("dnsHook", problem);
  for (let leftMs = hook.waitMs; leftMs > 0; leftMs -= ASK_EVERY_MS) {
    if (await seen(record, hook.servers)) return remove;
    await sleep(Math.min(ASK_EVERY_MS, leftMs));
  }
  if (hook.waitMs > 0)
    say(`${record.name} is not seen by all name servers after ${hook.waitMs / 1000} s; the authority is called`);
  return remove;
}

/** Undefined, or what went wrong. */
async function run(command: readonly string[], action: string, { name, value }: DnsRecord) {
  const what = `dns_hook: ${command.join(" ")} ${action} ${name}`;
  try {
    const child = Bun.spawn([...command, action, name, value], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: HOOK_MS_MAX,
      killSignal: "SIGKILL",
    });
    const [out, errors] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    const code = await child.exited;
    if (code === 0) return undefined;
    const how = child.signalCode === null ? `exited with code ${code}` : `was ended by ${child.signalCode}`;
    const said = `${errors}\n${out}`.trim().slice(-OUTPUT_CHARS_MAX);
    return `${what}: it ${how}${said === "" ? "" : `: ${said}`}`;
  } catch (error) {
    return `${what}: it cannot be run: ${(error as Error).message}`;
  }
}

/** What a grandchild holds open is not waited for. */
function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return Promise.race([new Response(stream).text(), Bun.sleep(HOOK_MS_MAX).then(() => "")]);
}

/** Do all name servers that answer show it? One that does not answer says nothing; that none does is not seeing it. */
export async function isSeen({ name, value }: DnsRecord, servers: readonly string[]): Promise<boolean> {
  try {
    const resolvers =
      servers.length > 0 ? servers.map((each) => makeResolver([each])) : await zoneServers(name, makeResolver([]));
    const answers = await Promise.allSettled(resolvers.map((resolver) => resolver.txt(name)));
    const given = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    return given.length > 0 && given.every((values) => values.includes(value));
  } catch {
    return false;
  }
}

/** Those of the zone in which the record is: a CNAME may lead to another one. */
export async function zoneServers(name: string, system: Resolver, make = makeResolver): Promise<Resolver[]> {
  let owner = name.replace(/\.$/, "");
  for (let aliases = 0; aliases < ALIASES_MAX; aliases++) {
    const target = await system.cname(owner);
    if (target === undefined) break;
    owner = target;
  }
  for (let zone = owner; zone.includes("."); zone = zone.slice(zone.indexOf(".") + 1)) {
    const hosts = (await system.nameServers(zone)).slice(0, SERVERS_MAX);
    const found = await Promise.allSettled(hosts.map((host) => system.addresses(host)));
    const addresses = found.flatMap((each) => (each.status === "fulfilled" ? each.value.slice(0, 1) : []));
    if (addresses.length > 0) return addresses.map((address) => make([address]));
  }
  return [];
}
