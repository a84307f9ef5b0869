/** A uwsgi.ini, or a command line of uwsgi, given to the real uWSGI and to the server under its name. */
import { mkdirSync, symlinkSync } from "node:fs";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "./binary.ts";
import { writeFiles } from "./folder.ts";
import { Peer } from "./peer.ts";
import type { Address } from "./wire.ts";

const PLUGINS = "/usr/lib/uwsgi/plugins";

/** What an app sees of where it stands, as JSON. */
const FACTS = `import json
import os
import sys
import time

NAMES = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "CONTENT_TYPE", "CONTENT_LENGTH"]
FLAGS = ["wsgi.multithread", "wsgi.multiprocess", "wsgi.url_scheme", "HTTP_X_ONE", "HTTP_HOST"]


def facts(name, environ, start_response):
    if environ["PATH_INFO"].endswith("/sleep"):
        time.sleep(60)
    told = {key: environ.get(key) or "" for key in NAMES + FLAGS}
    length = int(environ.get("CONTENT_LENGTH") or 0)
    told["body"] = environ["wsgi.input"].read(length).decode()
    told["app"] = name
    told["cwd"] = os.getcwd()
    told["env"] = {key: os.environ[key] for key in sorted(os.environ) if key.startswith("CASE_")}
    told["path"] = [path.rstrip("/") for path in sys.path if path.rstrip("/").endswith("/extra")]
    data = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]


def application(environ, start_response):
    return facts("application", environ, start_response)


def other(environ, start_response):
    return facts("other", environ, start_response)
`;

/** The project that all of them serve, below \`folder\`/site. */
export function writeProject(folder: string): void {
  writeFiles(folder, {
    "site/facts.py": FACTS,
    "site/pkg/__init__.py": "",
    "site/pkg/wsgi.py": "from facts import application, other\n",
    "site/extra/only_here.py": "",
    "site/static/site.css": "body { color: black }\n",
    "site/static/dir/index.html": "<p>index</p>\n",
    "site/static/favicon.ico": "icon",
    "site/static/inner/a.txt": "inner\n",
    "site/static/page.html": "page\n",
    "site/media/a.txt": "a text\n",
    "site/media/site.css": "second {}\n",
    "site/VERSION": "1.2.3\n",
  });
}

/** The executable of the server under the name `uwsgi`, in a folder of its own. */
export function uwsgiLink(folder: string): string {
  const bin = join(folder, "bin");
  const link = join(bin, "uwsgi");
  mkdirSync(bin, { recursive: true });
  if (!existsSync(link)) symlinkSync(BINARY, link);
  return link;
}

export function startOurs(words: readonly string[], address: Address, folder: string): Promise<Peer> {
  return Peer.start([uwsgiLink(folder), ...words], address, join(folder, "site"), "SIGTERM");
}

/** TERM would reload it. */
export function startReal(words: readonly string[], address: Address, folder: string): Promise<Peer> {
  const plugins = existsSync(PLUGINS) ? ["--plugins", "python3,http,router_redirect"] : [];
  return Peer.start(["uwsgi", ...plugins, ...words], address, join(folder, "site"), "SIGINT");
}
