/**
 * Where gunicorn is reached: its addresses become those of a site that leads to the app. What is said there of connections and
 * requests is about that site alone, or about the server where it has no such key; join.ts takes it away with the address.
 */
import { type RouteKey, Settings, type Value } from "../plan.ts";
import { type Context, ofAddress, pathIn, plain } from "./context.ts";
import type { Option } from "./option.ts";
import { translateProxies, translateRequests } from "./requests.ts";
import type { HandedOver } from "./socket-unit.ts";
import { joined, showDirective } from "./unit.ts";
import { isOff, type WorkerClass } from "./workers.ts";

const PORT = "8000";

export function translateSite(context: Context, socket: HandedOver | undefined, worker: WorkerClass): void {
  const { app, site } = context;
  const isUwsgi = translateProtocol(context);
  const addresses = socket === undefined ? boundTo(context) : handedOver(context, socket);
  const table = { ...listenTable(context, socket), ...proxyTable(context) };
  const listens = addresses.map((address) => withTable(address, table));
  tellFolders(context, addresses);
  if (isUwsgi && listens.length > 0) app.set("uwsgi_socket", single(listens), site.origin);
  if (isUwsgi) return tellGateway(context);
  if (listens.length > 0) openSite(context, listens);
  translateProxies(context);
  translateRequests(context, worker);
}

function openSite(context: Context, listens: readonly Value[]): void {
  const { site, name, plan } = context;
  const isEncrypted = translateTls(context);
  site.settings.set("listen", single(isEncrypted ? listens.map(encrypted) : listens), site.origin);
  site.settings.set("max_body_size", 0, undefined, "gunicorn takes any body");
  // An origin of its own: what is told of the command is about more than the address.
  const origin = ofAddress(context, { ...context.origin });
  plan.server.set("merge_slashes", false, origin, "gunicorn leaves // in a path as it is");
  const route = new Settings<RouteKey>();
  route.set("app", name);
  site.routes.push({ pattern: "/", settings: route, origin: undefined });
  plan.sites.push(site);
}

const OF_HTTP = [
  "forwarded_allow_ips",
  "limit_request_line",
  "limit_request_fields",
  "limit_request_field_size",
  "keepalive",
  "header_map",
  "certfile",
  "keyfile",
  "ca_certs",
  "cert_reqs",
];

function tellGateway({ given }: Context): void {
  for (const name of OF_HTTP) {
    const option = given.last(name);
    if (option !== undefined)
      given.tell("notNeeded", option, "a gateway that speaks uwsgi says who asks, and bounds it");
  }
}

/** One address needs no list. */
function single(values: readonly Value[]): Value {
  const [first] = values;
  return values.length === 1 && first !== undefined ? first : values;
}

type Table = { readonly [key: string]: Value };
type Address = string | number;

/** Permissions are those of unix sockets. */
function withTable(address: Address, { mode, owner, group, ...others }: Table): Value {
  const ofFile = { ...(mode && { mode }), ...(owner && { owner }), ...(group && { group }) };
  const table = { ...(String(address).startsWith("unix:") && ofFile), ...others };
  return Object.keys(table).length === 0 ? address : { address, ...table };
}

function encrypted(value: Value): Value {
  return typeof value === "object" ? { ...(value as Table), tls: true } : { address: value, tls: true };
}

/** Whether it is uwsgi's protocol that is spoken, as to a gateway. */
function translateProtocol({ given }: Context): boolean {
  const option = given.last("protocol");
  const protocol = option === undefined ? "http" : String(option.value);
  if (option === undefined) return false;
  if (protocol === "http") given.tell("defaultHere", option, "HTTP is spoken");
  else if (protocol === "uwsgi") given.tell("translated", option, "uwsgi_socket of the app");
  else given.notSupported(option, "is not spoken here; have the gateway speak HTTP or uwsgi", "changes-meaning");
  return protocol === "uwsgi";
}

/** gunicorn makes unix sockets with its own umask, 0, and gives them to its user. */
function listenTable(context: Context, socket: HandedOver | undefined): Table {
  const { given, app, report } = context;
  const text = (value: Value | undefined) => (typeof value === "string" ? value : "");
  const umask = given.last("umask");
  const mask = umask === undefined ? 0 : Number.parseInt(String(umask.value).replace(/^0o/i, ""), maskBase(umask));
  if (umask !== undefined) {
    ofAddress(context, umask.origin);
    if (Number.isNaN(mask)) given.tell("error", umask, "should be an octal number");
    else given.tell("translated", umask, "mode of unix sockets; files of the app have UMask= of the unit");
  }
  if (socket === undefined) {
    const mode = mask === 0 ? "" : (0o666 & ~mask).toString(8).padStart(3, "0");
    return { mode, owner: text(app.get("user")), group: text(app.get("group")) };
  }
  const told = { mode: socket.mode, owner: socket.owner, group: socket.group };
  const values = Object.entries(told).map(([key, directive]) => {
    if (directive === undefined) return [key, ""];
    report.translated(ofAddress(context, directive.origin), showDirective(directive), `${key} of unix sockets`);
    const value = joined(directive.raw);
    return [key, key === "mode" ? value.replace(/^0+(?=\d{3})/, "") : value];
  });
  return Object.fromEntries(values) as Table;
}

/** `int(val, 0)`: octal on a command line with a leading zero; in a file it is a number already. */
function maskBase({ value }: Option): number {
  if (typeof value === "number") return 10;
  return String(value).startsWith("0") ? 8 : 10;
}

function proxyTable(context: Context): Table {
  const { given } = context;
  const option = given.last("proxy_protocol");
  if (option === undefined) return {};
  ofAddress(context, option.origin);
  if (isOff(option)) return (given.tell("defaultHere", option, "is switched off"), {});
  given.tell("translated", option, "proxy_protocol of listen, without which a connection is closed");
  return { proxy_protocol: true };
}

/** gunicorn/arbiter.py: what systemd hands over counts, and not what it is bound to. */
function handedOver(context: Context, { file, addresses }: HandedOver): Address[] {
  const { given } = context;
  const found = handed(context, addresses);
  for (const option of given.all("bind")) {
    const written = Array.isArray(option.value) ? option.value : [option.value];
    const isSame = written.every((each) => found.some((address) => address === addressOf(context, String(each))));
    if (isSame) given.tell("notNeeded", option, `${file.name} says it as well, and systemd hands over its sockets`);
    else
      given.tell("noEffectThere", option, `systemd hands over the sockets of ${file.name}, and gunicorn takes those`);
  }
  return found;
}

function handed(context: Context, addresses: HandedOver["addresses"]): Address[] {
  const { report } = context;
  return addresses.flatMap(({ text, directive }) => {
    ofAddress(context, directive.origin);
    const address = /^\d+$/.test(text)
      ? Number(text)
      : text.startsWith("/")
        ? `unix:${plain(text)}`
        : addressOf(context, text);
    if (typeof address === "object") {
      report.notSupported(directive.origin, showDirective(directive), address.why, "changes-meaning");
      return [];
    }
    report.translated(directive.origin, showDirective(directive), toldListen(context));
    return [address];
  });
}

function boundTo(context: Context): Address[] {
  const { given, site, started } = context;
  const options = given.all("bind");
  if (options.length === 0) {
    const port = started.variables.find(({ name }) => name === "PORT")?.value;
    const why =
      port === undefined ? `gunicorn is bound to 127.0.0.1:${PORT} unless it is told otherwise` : `PORT=${port}`;
    site.settings.comment = why;
    return [port === undefined ? `127.0.0.1:${PORT}` : `0.0.0.0:${port}`];
  }
  return options.flatMap((option) => {
    ofAddress(context, option.origin);
    const written = Array.isArray(option.value) ? option.value.map(String) : [String(option.value)];
    const found = written.map((each) => addressOf(context, each));
    const wrong = found.find((each) => typeof each === "object");
    if (wrong !== undefined) given.notSupported(option, wrong.why, "changes-meaning");
    else given.tell("translated", option, toldListen(context));
    return found.filter((each) => typeof each !== "object");
  });
}

function toldListen({ given }: Context): string {
  return given.look("protocol")?.value === "uwsgi" ? "uwsgi_socket" : "listen of a site";
}

/** gunicorn/util.py parse_address */
function addressOf({ root }: Context, written: string): Address | { readonly why: string } {
  const [, path] = /^unix:(?:\/\/)?(.*)$/.exec(written) ?? [];
  if (path?.startsWith("@") === true)
    return { why: "is an abstract socket, which everyone on the machine may use; name a path or an address" };
  if (path !== undefined) return `unix:${plain(pathIn(root, path))}`;
  if (written.startsWith("fd://")) return { why: "is a descriptor that someone hands over; name an address" };
  const [, host = "", port = PORT] = /^(?:tcp:\/\/)?(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(written) ?? [];
  if (!/^(?:tcp:\/\/)?(?:\[[^\]]*\]|[^:]*)(?::\d+)?$/.test(written))
    return { why: "should be address:port, where the port is a number" };
  if (host === "") return `0.0.0.0:${port}`;
  if (host.toLowerCase() === "localhost") return `127.0.0.1:${port}`;
  if (/^[\d.]+$/.test(host) || host.startsWith("[")) return `${host}:${port}`;
  return { why: "is a name, which may have any address; name the address" };
}

/** The folder that systemd made for a socket. */
function tellFolders(context: Context, addresses: readonly Address[]): void {
  for (const directive of context.started.runtimeDirectories) {
    const folders = joined(directive.raw)
      .split(/\s+/)
      .map((name) => `unix:/run/${name}/`);
    const isUsed = addresses.some((address) => folders.some((folder) => String(address).startsWith(folder)));
    if (isUsed) {
      const sentence = "is where the socket stands: make the folder before the server starts, or listen elsewhere";
      context.report.notSupported(
        ofAddress(context, directive.origin),
        showDirective(directive),
        sentence,
        "changes-meaning",
      );
    } else
      context.report.notNeeded(
        directive.origin,
        showDirective(directive),
        "nothing of gunicorn is written there any more",
      );
  }
}

function translateTls(context: Context): boolean {
  const { given, site, root } = context;
  const [cert, key, authority, asked] = (["certfile", "keyfile", "ca_certs", "cert_reqs"] as const).map((name) => {
    const option = given.last(name);
    if (option !== undefined) ofAddress(context, option.origin);
    return option;
  });
  const file = (option: Option | undefined) => {
    const text = option && given.text(option);
    return text === undefined ? undefined : plain(pathIn(root, text));
  };
  const [certFile, keyFile] = [file(cert), file(key)];
  if (cert === undefined || certFile === undefined) {
    for (const option of [key, authority, asked])
      if (option !== undefined) given.tell("noEffectThere", option, "without certfile there is no TLS");
    return false;
  }
  const wanted = asked === undefined ? 0 : Number(asked.value);
  const authorityFile = wanted === 0 ? undefined : file(authority);
  const tls = {
    cert: certFile,
    key: keyFile ?? certFile,
    ...(authorityFile !== undefined && {
      client_ca: authorityFile,
      client_auth: wanted === 1 ? "optional" : "required",
    }),
  };
  site.settings.set("tls", tls, cert.origin);
  for (const option of [cert, key]) if (option !== undefined) given.tell("translated", option, "tls of the site");
  for (const option of [authority, asked])
    if (option === undefined) continue;
    else if (authorityFile === undefined)
      given.tell("defaultHere", option, "certificates of clients are not asked for");
    else given.tell("translated", option, "client_ca and client_auth of tls");
  return true;
}
