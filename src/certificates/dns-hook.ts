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
/** After its end; something that it has started may hold its outputs open for longer. */
const LAST_WORDS_MS = 1_000;

export function recordOf({ name, keyAuthorization }: Pick<Challenge, "name" | "keyAuthorization">): DnsRecord {
  const value = createHash("sha256").update(keyAuthorization).digest("base64url");
  return { name: `_acme-challenge.${name.replace(/^\*\./, "")}.`, value };
}

export interface HookContext {
  readonly sleep: (ms: number) => Promise<void>;
  readonly say: (text: string) => void;
  readonly seen?: typeof isSeen;
  readonly hookMsMax?: number;
}

/** Resolves when the record is there; the function takes it away, and never rejects. Throws AcmeProblem, after the command was
 *  called to take away what it may have done of it. */
export async function presentRecord(
  hook: DnsHookOptions,
  challenge: Challenge,
  { sleep, say, seen = isSeen, hookMsMax = HOOK_MS_MAX }: HookContext,
): Promise<() => Promise<void>> {
  const record = recordOf(challenge);
  const remove = async () => {
    const problem = await run(hook.command, "cleanup", record, hookMsMax);
    if (problem !== undefined) say(problem);
  };
  const problem = await run(hook.command, "present", record, hookMsMax);
  if (problem !== undefined) {
    await remove();
    throw new AcmeProblem("dnsHook", problem);
  }
  for (let leftMs = hook.waitMs; leftMs > 0; leftMs -= ASK_EVERY_MS) {
    if (await seen(record, hook.servers)) return remove;
    await sleep(Math.min(ASK_EVERY_MS, leftMs));
  }
  if (hook.waitMs > 0)
    say(`${record.name} is not seen by all name servers after ${hook.waitMs / 1000} s; the authority is called`);
  return remove;
}

/** Undefined, or what went wrong. */
async function run(command: readonly string[], action: string, { name, value }: DnsRecord, msMax: number) {
  const what = `dns_hook: ${command.join(" ")} ${action} ${name}`;
  try {
    // In a group of its own, so that what it has started ends with it.
    const child = Bun.spawn([...command, action, name, value], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
    let isOverdue = false;
    const timer = setTimeout(() => {
      isOverdue = true;
      endGroup(child.pid);
    }, msMax);
    const [errors, out] = [new LastWords(child.stderr), new LastWords(child.stdout)];
    const code = await child.exited;
    clearTimeout(timer);
    if (code === 0) return undefined;
    await Promise.race([Promise.all([errors.ended, out.ended]), Bun.sleep(LAST_WORDS_MS)]);
    const how = child.signalCode === null ? `exited with code ${code}` : `was ended by ${child.signalCode}`;
    const why = isOverdue ? `did not end within ${msMax / 1000} s` : how;
    const said = `${errors.text}\n${out.text}`.trim().slice(-OUTPUT_CHARS_MAX);
    return `${what}: it ${why}${said === "" ? "" : `: ${said}`}`;
  } catch (error) {
    return `${what}: it cannot be run: ${(error as Error).message}`;
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

/** The end of what a command writes. All of it is read, so that it does not wait for us. */
class LastWords {
  text = "";
  readonly ended: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.listen(stream).catch(() => {});
  }

  private async listen(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.text = (this.text + decoder.decode(bytes, { stream: true })).slice(-OUTPUT_CHARS_MAX);
    }
  }
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
