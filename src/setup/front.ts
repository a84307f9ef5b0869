/** Where a site will be reached: what people open, and what is asked for a page in their place. */
import { domainToUnicode } from "node:url";
import { ANY, addressOf, isLocal, LOOPBACK, shownAddress } from "./address.ts";
import type { Answers } from "./question.ts";
import { domainsOf, type Seen } from "./seen.ts";

export interface Front {
  readonly host: string | undefined;
  /** What stands for it in a URL where there is none. */
  readonly shown: string;
  /** Undefined: by a unix socket, which cannot be asked for a page. */
  readonly port: number | undefined;
  readonly address: string;
  readonly https: "off" | "auto" | "internal" | "files";
  readonly path: string;
  /** A prefix and the folder behind it: a file of it is asked for. */
  readonly files: { readonly prefix: string; readonly folder: string } | undefined;
}

type FrontPlace = Omit<Front, "path" | "files">;

export function placeOf(seen: Seen, answers: Answers): FrontPlace {
  const imported = answers.import === "yes" ? seen.importable?.front : undefined;
  if (imported !== undefined) {
    const isAny = ANY.test(imported.address) || imported.address === "::";
    const address = isAny ? LOOPBACK : imported.address;
    return {
      ...imported,
      address,
      shown: isAny ? shownAddress(seen, answers, address) : address,
      https: imported.https ? "files" : "off",
    };
  }
  const https = (answers.https ?? "off") as Front["https"];
  const names = domainsOf(answers);
  const { port, address } = addressOf(answers, https);
  return {
    host: plainName(names),
    shown: isLocal(answers) ? address : shownAddress(seen, answers, address),
    port,
    address,
    https,
  };
}

/** The first that a browser can be sent to. */
export function plainName(names: readonly string[]): string | undefined {
  return names.find((name) => !/[*~]|^\./.test(name)) ?? names.map(withoutWildcard)[0];
}

/** `.example.org` and `*.example.org` stand for names: the first is one itself. */
function withoutWildcard(name: string): string | undefined {
  if (name.startsWith("~")) return undefined;
  return name.startsWith("*.") ? `www${name.slice(1)}` : name.replace(/^\.|\.\*$/g, "");
}

/** What people open. */
export function urlOf(front: Front): string {
  const { port, shown, https, path } = front;
  const scheme = https === "off" ? "http" : "https";
  const usual = https === "off" ? 80 : 443;
  const name = domainToUnicode(hostOf(front) ?? shown) || shown;
  return `${scheme}://${name}${port === undefined || port === usual ? "" : `:${port}`}${path}`;
}

/** What a browser sends as Host, without the port: a name, or the address where there is none. Undefined behind a unix socket. */
export function hostOf({ host, shown, port }: FrontPlace): string | undefined {
  return host ?? (port === undefined ? undefined : shown.includes(":") ? `[${shown}]` : shown);
}
