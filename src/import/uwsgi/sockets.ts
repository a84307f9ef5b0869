/** Where it is reached: sockets of the uwsgi protocol, and addresses that speak HTTP. */
import type { Site, Value } from "../plan.ts";
import { absolutePath, type Context } from "./context.ts";
import type { Given } from "./given.ts";
import { isYes } from "./given.ts";
import { hasMark, unmark } from "./marks.ts";
import type { Option } from "./option.ts";

const HTTP = ["http", "httprouter", "http-socket", "http11-socket"] as const;
const OTHER_PROTOCOLS = [
  "fastcgi-socket",
  "fastcgi-nph-socket",
  "scgi-socket",
  "scgi-nph-socket",
  "raw-socket",
  "puwsgi-socket",
  "suwsgi-socket",
  "ssl-socket",
  "zerg",
  "lazy-socket",
] as const;

/** Proxies of one's own are on such addresses; what comes from elsewhere is not believed. */
const PRIVATE = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7", "unix:"] as const;

export interface Addresses {
  readonly uwsgi: readonly Option[];
  /** … that lead to a site, since there is more than the app. */
  readonly gateways: readonly Option[];
  readonly http: readonly Option[];
  /** `address,certificate,key,ciphers,authority` */
  readonly https: readonly Option[];
  /** They lead to those of https. */
  readonly redirects: readonly Option[];
}

/** Which options say where. `protocol` decides for those that do not say it themselves. */
export function findAddresses(given: Given): Addresses {
  const protocol = given.last("protocol", "socket-protocol");
  const speaks = protocol?.value ?? "uwsgi";
  if (protocol !== undefined && !["uwsgi", "http", "http11"].includes(speaks))
    given.notSupported(
      protocol,
      `${speaks} is not spoken here; have the gateway speak HTTP or uwsgi`,
      "changes-meaning",
    );
  else if (protocol !== undefined) given.tell("translated", protocol, "what the sockets speak");
  for (const option of given.all(...OTHER_PROTOCOLS))
    given.notSupported(option, "is not spoken here; have the gateway speak HTTP or uwsgi", "changes-meaning");
  const plain = given.all("socket");
  const uwsgi = given.all("uwsgi-socket");
  const http = given.all(...HTTP);
  const tls = { https: given.all("https", "https-socket"), redirects: given.all("http-to-https") };
  return speaks === "http" || speaks === "http11"
    ? { uwsgi, http: [...plain, ...http], gateways: [], ...tls }
    : { uwsgi: [...plain, ...uwsgi], http, gateways: [], ...tls };
}

/** `sockets` of the uwsgi protocol become the app's; HTTP addresses those of the site. */
export function translateSockets(context: Context, addresses: Addresses): void {
  const { app, site, given } = context;
  const file = { ...socketFile(context), shared: given.all("shared-socket", "undeferred-shared-socket") };
  const found = addresses.uwsgi.flatMap((option) => listenValue(context, option, file, "uwsgi_socket") ?? []);
  if (found.length > 0) app.set("uwsgi_socket", single(found), addresses.uwsgi[0]?.origin);
  if (site !== undefined) translateHttp(context, site, addresses, file);
  const all = Object.values(addresses).flat();
  const used = new Set(all.map(({ value = "" }) => sharedOption(value.trim(), file.shared)));
  for (const option of file.shared)
    if (!used.has(option)) given.tell("noEffectThere", option, "no socket refers to it, as http-socket = =0 does");
}

function translateHttp(context: Context, site: Site, addresses: Addresses, file: Listening): void {
  const { given, plan } = context;
  const { http, https, redirects, gateways } = addresses;
  const proxied = given.last("http-enable-proxy-protocol", "enable-proxy-protocol");
  if (proxied !== undefined) given.tell("translated", proxied, "proxy_protocol of listen");
  const listening = { ...file, proxy: isYes(proxied) };
  const plain = [...http, ...redirects].flatMap(
    (option) => listenValue(context, option, listening, "listen of a site") ?? [],
  );
  const behind = { ...file, protocol: "uwsgi" };
  const uwsgi = gateways.flatMap((option) => listenValue(context, option, behind, "listen of a site") ?? []);
  const encrypted = https.flatMap((option) => encryptedValue(context, site, option, file.shared) ?? []);
  const found = [...plain, ...encrypted, ...uwsgi];
  if (found.length > 0) site.settings.set("listen", single(found), site.origin);
  // Where both are, uWSGI serves both.
  if (http.length > 0 && https.length > 0) site.settings.set("https_redirect", false);
  if (http.length > 0 && redirects[0] !== undefined)
    given.notSupported(
      redirects[0],
      "serves like the other addresses without TLS; write a [[site]] of its own",
      "changes-meaning",
    );
  if (http.length + https.length === 0) return;
  plan.server.set("merge_slashes", false, undefined, "uWSGI leaves // in a path as it is");
  const isLocal = [...http, ...https].every((option) => {
    const address = sharedOption((option.value ?? "").trim(), file.shared)?.value ?? option.value ?? "";
    return /^(?:127\.|localhost:|\[::1\])/.test(address) || !address.includes(":");
  });
  const why = "uWSGI believes X-Forwarded-Proto from everyone; here only from these";
  site.settings.set("trusted_proxies", isLocal ? ["127.0.0.1", "::1", "unix:"] : PRIVATE, undefined, why);
}

/** A site has one set of certificates; that of the first address is it. */
function encryptedValue(context: Context, site: Site, option: Option, shared: readonly Option[]): Value | undefined {
  const { given, base } = context;
  const [written = "", cert, key, ciphers, authority] = (option.value ?? "").split(",");
  if (cert === undefined || key === undefined)
    return void given.tell("error", option, "should be address,certificate,key");
  const address = addressOf(context, sharedSocket(context, written, shared));
  if (typeof address === "object") return void given.notSupported(option, address.why, "changes-meaning");
  const tls = {
    cert: unmark(absolutePath(cert, base)),
    key: unmark(absolutePath(key, base)),
    ...(authority && {
      client_ca: unmark(absolutePath(authority.replace(/^!/, ""), base)),
      client_auth: authority.startsWith("!") ? "required" : "optional",
    }),
  };
  if (!site.settings.has("tls")) site.settings.set("tls", tls, option.origin);
  const rest = ciphers ? "; its ciphers are those of tls.policy" : "";
  given.tell("translated", option, `listen and tls of a site${rest}`);
  return { address, tls: true };
}

/** One address needs no list. */
function single(values: readonly Value[]): Value {
  const [first] = values;
  return values.length === 1 && first !== undefined ? first : values;
}

/** What holds for the files of all unix sockets. */
interface SocketFile {
  readonly mode: string | undefined;
  readonly owner: string | undefined;
  readonly group: string | undefined;
}

interface Listening extends SocketFile {
  /** `=0` is the first of them. */
  readonly shared: readonly Option[];
  readonly proxy?: boolean;
  readonly protocol?: string;
}

function socketFile({ given, app }: Context): SocketFile {
  const chmod = given.last("chmod-socket", "chmod");
  const chown = given.last("chown-socket");
  const mode = chmod === undefined ? undefined : /^[0-7]{3}$/.test(chmod.value ?? "") ? chmod.value : "666";
  if (chmod !== undefined) given.tell("translated", chmod, "mode of unix sockets");
  if (chown !== undefined) given.tell("translated", chown, "owner and group of unix sockets");
  const [owner, group] = (chown?.value ?? "").split(":");
  // uWSGI gives up root before it binds.
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  return { mode, owner: owner || text(app.get("user")), group: group || text(app.get("group")) };
}

function listenValue(context: Context, option: Option, file: Listening, into: string): Value | undefined {
  const written = sharedSocket(context, (option.value ?? "").trim(), file.shared);
  const address = addressOf(context, written);
  if (typeof address === "object") return void context.given.notSupported(option, address.why, "changes-meaning");
  context.given.tell("translated", option, into);
  const proxy = {
    ...(file.proxy === true && { proxy_protocol: true }),
    ...(file.protocol !== undefined && { protocol: file.protocol }),
  };
  if (typeof address === "string" && address.startsWith("unix:")) {
    const { mode, owner, group } = file;
    const table = { ...(mode && { mode }), ...(owner && { owner }), ...(group && { group }), ...proxy };
    return Object.keys(table).length === 0 ? address : { address, ...table };
  }
  return Object.keys(proxy).length === 0 ? address : { address, ...proxy };
}

/** `=0` names the first of them. */
function sharedOption(written: string, shared: readonly Option[]): Option | undefined {
  const [, number] = /^=(\d+)/.exec(written) ?? [];
  return number === undefined ? undefined : shared[Number(number)];
}

function sharedSocket({ given }: Context, written: string, shared: readonly Option[]): string {
  const option = sharedOption(written, shared);
  if (option !== undefined) given.tell("translated", option, "where the socket that refers to it listens");
  return option?.value ?? written;
}

function addressOf({ root }: Context, written: string): number | string | { readonly why: string } {
  if (/^=\d+$/.test(written)) return { why: "names a shared-socket that is not there; name the address" };
  if (written.startsWith("fd://")) return { why: "is a descriptor that someone hands over; name an address" };
  if (written.startsWith("@") || written.startsWith("\\0"))
    return { why: "is an abstract socket, which everyone on the machine may use; name a path or an address" };
  const colon = written.lastIndexOf(":");
  if (colon === -1) return `unix:${unmark(absolutePath(written, root))}`;
  const [host, port] = [written.slice(0, colon), written.slice(colon + 1)];
  if (hasMark(written)) return host === "" ? unmark(port) : unmark(written);
  if (!/^\d+$/.test(port)) return { why: "should be address:port, where the port is a number" };
  if (host === "") return Number(port);
  if (host === "localhost") return `127.0.0.1:${port}`;
  if (host.includes("*")) return { why: "stands for an address that uWSGI looks for when it starts; name the address" };
  if (/^[\d.]+$/.test(host) || host.startsWith("[")) return written;
  return { why: "is a name, which may have any address; name the address" };
}
