/** All peers; the first is ours, the second the one that ratios are of. What is missing is installed, or named. */
import { installDebian } from "../../sample/debian.ts";
import { apache } from "./apache.ts";
import { caddy } from "./caddy.ts";
import { granian } from "./granian.ts";
import { gunicorn, nginxGunicorn } from "./gunicorn.ts";
import { haproxy } from "./haproxy.ts";
import { lighttpd } from "./lighttpd.ts";
import { nginxUwsgi } from "./nginx-uwsgi.ts";
import type { Peer } from "./peer.ts";
import { server } from "./server.ts";
import { uvicorn } from "./uvicorn.ts";
import { installPackages } from "./venv.ts";
import { waitress } from "./waitress.ts";

export const OURS = server;
export const REFERENCE = nginxUwsgi;

export const PEERS: readonly Peer[] = [
  server,
  nginxUwsgi,
  nginxGunicorn,
  gunicorn,
  granian,
  uvicorn,
  waitress,
  apache,
  caddy,
  lighttpd,
  haproxy,
];

export interface Absent {
  readonly peer: string;
  readonly why: string;
}

/** Splits into those that are here, or could be installed, and the others with why not. */
export function gather(wanted: readonly Peer[], say: (line: string) => void): { here: Peer[]; absent: Absent[] } {
  const here: Peer[] = [];
  const absent: Absent[] = [];
  for (const peer of wanted) {
    const why = peer.isThere() ? undefined : install(peer, say);
    if (why === undefined) here.push(peer);
    else absent.push({ peer: peer.name, why });
  }
  return { here, absent };
}

function install({ name, packages, isThere }: Peer, say: (line: string) => void): string | undefined {
  const { debian = [], pypi = [] } = packages;
  say(`${name}: installing ${[...debian, ...pypi].join(" ")}`);
  const problem = debian.length > 0 ? installDebian(debian, say) : undefined;
  if (problem !== undefined) return problem;
  const refused = pypi.length > 0 ? installPackages(pypi) : undefined;
  if (refused !== undefined) return refused;
  return isThere() ? undefined : "it was installed and is not there";
}
