/** `server proxy FROM TO…`: a reverse proxy without a file. */
import { emptyPlan, type RouteKey, Settings, type SiteKey, type UpstreamKey } from "../import/plan.ts";
import { type Command, EXIT_USAGE, type Given, type Terminal } from "./command.ts";
import { PRINT_OPTION, textOf, USER_OPTION } from "./quick-options.ts";
import { type From, readFrom, readUpstream, type UpstreamWord } from "./upstream-words.ts";

const SERVERS_MAX = 100;

export const PROXY: Command = {
  name: "proxy",
  summary: "Forward everything to another server, without a file",
  usage: "FROM TO… [--host HOST] [--print]",
  doc:
    "FROM is where it listens: 8000 (every address of the machine), 127.0.0.1:8000, or a name such as example.org, which is " +
    "served by HTTPS with a certificate that orders itself. TO is a port, host:port, http://host, https://host, " +
    "uwsgi://host:port or unix:/path; several of them share the requests.",
  options: {
    host: {
      type: "string",
      short: "H",
      value: "HOST",
      doc: "The Host field that TO is sent; the client's unless given.",
    },
    user: USER_OPTION,
    print: PRINT_OPTION,
  },
  positionalsMax: SERVERS_MAX,
  async run(given, terminal) {
    const [from, ...to] = given.positionals;
    if (from === undefined || to.length === 0)
      return refuse(terminal, "says from where to where: server proxy 8000 localhost:9000");
    const where = readFrom(from);
    if (typeof where === "string") return refuse(terminal, where);
    const servers = to.map(readUpstream);
    const wrong = servers.find((server) => typeof server === "string");
    if (wrong !== undefined) return refuse(terminal, wrong);
    const words = servers as UpstreamWord[];
    if (new Set(words.map(({ protocol }) => protocol)).size > 1)
      return refuse(terminal, "all TO should speak the same protocol");
    return serve(where, words, given, terminal);
  },
};

function refuse(terminal: Terminal, what: string): number {
  terminal.stderr(`server proxy: ${what}\nserver help proxy shows how it is used.\n`);
  return EXIT_USAGE;
}

async function serve(from: From, servers: readonly UpstreamWord[], given: Given, terminal: Terminal): Promise<number> {
  const { serveQuickly } = await import("./quick.ts");
  const plan = emptyPlan();
  const user = textOf(given, "user");
  if (user !== undefined) plan.server.set("user", user);
  const upstream = new Settings<UpstreamKey>();
  const protocol = servers[0]?.protocol ?? "http";
  if (protocol !== "http") upstream.set("protocol", protocol);
  const addresses = servers.map(({ server }) => server);
  upstream.set("servers", addresses);
  const host = textOf(given, "host");
  if (host !== undefined) upstream.set("host", host);
  plan.upstreams.set("to", upstream);
  const settings = new Settings<SiteKey>();
  if (from.names.length > 0) settings.set("names", from.names);
  if (from.listen.length > 0) settings.set("listen", from.listen);
  if (from.tls !== undefined) settings.set("tls", from.tls);
  const route = new Settings<RouteKey>();
  route.set("upstream", "to");
  const routes = [{ pattern: "/", settings: route, origin: undefined }];
  plan.sites.push({ settings: settings, routes, origin: undefined });
  const source = (key: string) =>
    key === "server.user"
      ? "--user"
      : key === "upstream.to.host"
        ? "--host"
        : key.startsWith("upstream.to")
          ? "TO"
          : "FROM";
  return serveQuickly(
    { words: ["proxy", ...given.words], plan, source, print: given.options["print"] === true },
    terminal,
  );
}
