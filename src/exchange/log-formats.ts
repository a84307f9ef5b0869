/** The formats of access log lines that have a name, as templates. How values are escaped in them: front/log-format.ts. */

export type LogEscape = "default" | "json";

export interface NamedFormat {
  readonly template: string;
  readonly escape: LogEscape;
}

/** `combined` is nginx's, `common` that of the first web servers; `json` has what a search needs, numbers as numbers.
 *  `short` is for people who watch; on a terminal it looks otherwise (front/terminal-line.ts). */
export const NAMED_LOG_FORMATS: Readonly<Record<string, NamedFormat>> = {
  combined: {
    template:
      '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
    escape: "default",
  },
  common: {
    template: '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent',
    escape: "default",
  },
  short: {
    template: "$time_iso8601 $status $request_method $request_uri $body_bytes_sent $request_time",
    escape: "default",
  },
  json: {
    template:
      '{"time":"$time_iso8601","site":"$server_name","remote_addr":"$remote_addr","remote_user":"$remote_user",' +
      '"method":"$request_method","host":"$host","uri":"$request_uri","protocol":"$server_protocol",' +
      '"status":$status,"bytes":$body_bytes_sent,"request_time":$request_time,' +
      '"upstream_addr":"$upstream_addr","upstream_status":"$upstream_status",' +
      '"upstream_response_time":"$upstream_response_time","cache":"$upstream_cache_status",' +
      '"referer":"$http_referer","user_agent":"$http_user_agent","request_id":"$request_id"}',
    escape: "json",
  },
};
