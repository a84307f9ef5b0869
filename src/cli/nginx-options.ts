/** nginx's command line: letters that may stand together (`-tq`), of which some take a value (`-c FILE`, `-cFILE`). */

export interface NginxOptions {
  readonly test: boolean;
  readonly dump: boolean;
  readonly quiet: boolean;
  readonly version: boolean;
  readonly details: boolean;
  readonly help: boolean;
  readonly file: string | undefined;
  readonly prefix: string | undefined;
  /** Directives of main. */
  readonly global: string;
  readonly errorLog: string | undefined;
  readonly signal: string | undefined;
}

const LETTERS = "tTqvVh?";
const WITH_VALUE = "cpges";

/** In nginx's words. */
const REQUIRED: Readonly<Record<string, string>> = {
  c: "file name",
  e: "file name",
  p: "directory name",
  g: "parameter",
  s: "parameter",
};

/** Is this how nginx is called, and not one of our commands? */
export function isNginxOption(word: string): boolean {
  return /^-[tT]q?$|^-[cpgevs]$|^-q[tT]$/.test(word);
}

/** A string is what is wrong, as nginx says it. */
export function readNginxOptions(words: readonly string[]): NginxOptions | string {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (!word.startsWith("-")) return `invalid option: "${word}"`;
    for (let at = 1; at < word.length; at++) {
      const letter = word[at] ?? "";
      if (LETTERS.includes(letter)) flags.add(letter);
      else if (!WITH_VALUE.includes(letter)) return `invalid option: "${letter}"`;
      else {
        const value = word.slice(at + 1) || words[++index];
        if (value === undefined) return `option "-${letter}" requires ${REQUIRED[letter] ?? "parameter"}`;
        values.set(letter, value);
        break;
      }
    }
  }
  return {
    test: flags.has("t") || flags.has("T"),
    dump: flags.has("T"),
    quiet: flags.has("q"),
    version: flags.has("v"),
    details: flags.has("V"),
    help: flags.has("h") || flags.has("?"),
    file: values.get("c"),
    prefix: values.get("p"),
    global: values.get("g") ?? "",
    errorLog: values.get("e"),
    signal: values.get("s"),
  };
}

/** What -V says of how nginx was built: programs look there for its paths. */
export const CONFIGURE_ARGUMENTS =
  "--prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf --pid-path=/run/nginx.pid --with-http_ssl_module " +
  "--with-http_v2_module --with-http_realip_module --with-http_auth_request_module --with-http_gzip_static_module";

export const NGINX_USAGE = `Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: /usr/share/nginx/)
  -e filename   : set error log file (default: that of the configuration)
  -c filename   : set configuration file (default: /etc/nginx/nginx.conf), a server.toml too
  -g directives : set global directives out of configuration file
`;
