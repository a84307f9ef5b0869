/**
 * uwsgi_param → `params`. Apps and uwsgi upstreams get what nginx's file uwsgi_params says in any case, so only what goes
 * beyond it is written down. A name such as `X-Real-IP` stands in the environment under just that name, where hardly any
 * application looks for a header.
 */
import type { Settings, UpstreamKey } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { stringOf, type Translation } from "./translation.ts";

/** nginx's conf/uwsgi_params, and Debian's. */
const STANDARD: Readonly<Record<string, readonly string[]>> = {
  QUERY_STRING: ["$query_string", "$args"],
  REQUEST_METHOD: ["$request_method"],
  CONTENT_TYPE: ["$content_type"],
  CONTENT_LENGTH: ["$content_length"],
  REQUEST_URI: ["$request_uri"],
  PATH_INFO: ["$document_uri", "$uri"],
  DOCUMENT_ROOT: ["$document_root"],
  SERVER_PROTOCOL: ["$server_protocol"],
  REQUEST_SCHEME: ["$scheme"],
  HTTPS: ["$https"],
  REMOTE_ADDR: ["$remote_addr"],
  REMOTE_PORT: ["$remote_port"],
  SERVER_PORT: ["$server_port"],
  SERVER_NAME: ["$server_name"],
};

export function passParams(t: Translation, block: Block, settings: Settings<UpstreamKey>): void {
  const params: Record<string, string> = {};
  let first: Directive | undefined;
  for (const line of block.inForce("uwsgi_param")) {
    const [name = "", value = ""] = line.args.map(({ text }) => text);
    if (STANDARD[name]?.includes(value) === true) t.ledger.defaultHere(line, "one of uwsgi_params");
    else if (!/^[A-Z][A-Z0-9_]*$/.test(name)) t.ledger.noEffect(line, deadName(name));
    else {
      const text = stringOf(t, line, value);
      if (text === undefined) continue;
      first ??= line;
      params[name] = text;
      t.ledger.translated(line, `upstream: params = { ${name} }`);
    }
  }
  if (first !== undefined) settings.set("params", params, first.origin);
  for (const line of block.inForce("proxy_set_header")) {
    t.ledger.noEffect(line, "beside uwsgi_pass; what it says is said to applications by this server anyway");
  }
}

function deadName(name: string): string {
  const variable = `HTTP_${name.toUpperCase().replaceAll("-", "_")}`;
  return `is no header to an application, only environ["${name}"], where nothing looks for it; ${variable} was probably meant`;
}
