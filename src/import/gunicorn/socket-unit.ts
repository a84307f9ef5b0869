/** The socket unit that belongs to a service (systemd.socket(5)): systemd listens, and gunicorn takes what it is handed. */
import type { ImportReport } from "../report.ts";
import type { Origin, SourceFile } from "../source.ts";
import { type Directive, joined, readUnit, showDirective } from "./unit.ts";

export interface HandedOver {
  readonly file: SourceFile;
  readonly addresses: readonly { readonly text: string; readonly directive: Directive }[];
  readonly mode: Directive | undefined;
  readonly owner: Directive | undefined;
  readonly group: Directive | undefined;
  readonly origins: readonly Origin[];
}

const TAKEN = new Set(["ListenStream", "SocketMode", "SocketUser", "SocketGroup"]);
const OTHER_LISTENS = /^Listen(?!Stream$)/;

export function readSocket(file: SourceFile, report: ImportReport): HandedOver {
  const { directives, unread } = readUnit(file);
  for (const { origin, text } of unread)
    report.noEffectThere(origin, text, "should be Key=value; systemd takes no notice");
  const socket = directives.filter(({ section }) => section === "Socket");
  for (const directive of directives) {
    const isTaken = directive.section === "Socket" && TAKEN.has(directive.key);
    if (isTaken) continue;
    const { origin } = directive;
    if (OTHER_LISTENS.test(directive.key))
      report.notSupported(origin, showDirective(directive), "is no address of HTTP", "changes-meaning");
    else
      report.notNeeded(
        origin,
        showDirective(directive),
        "the server listens itself; server service install writes its unit",
      );
  }
  const of = (key: string) => socket.findLast((each) => each.key === key);
  const streams = socket.filter(({ key, raw }) => key === "ListenStream" && raw !== "");
  return {
    file,
    addresses: streams.map((directive) => ({ text: joined(directive.raw), directive })),
    mode: of("SocketMode"),
    owner: of("SocketUser"),
    group: of("SocketGroup"),
    origins: [...streams, of("SocketMode"), of("SocketUser"), of("SocketGroup")].flatMap((each) => each?.origin ?? []),
  };
}
