/** Apache with the event MPM; applications by mod_wsgi in daemon mode, its processes and threads those of the others. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFiles } from "../../../test/support/folder.ts";
import { type App, type Peer, type Place, PROCESSES, type Scene, THREADS } from "./peer.ts";
import { Program, program, together, versionFrom } from "./program.ts";

const MODULES = "/usr/lib/apache2/modules";
const ALWAYS = ["mpm_event", "authz_core", "mime", "alias", "dir", "filter"];

function modulesFor({ app, upstream, uwsgi, tls }: Scene): string[] {
  const found = [...ALWAYS];
  if (app !== undefined) found.push("wsgi");
  if (upstream !== undefined) found.push("proxy", "proxy_http", "deflate");
  if (uwsgi !== undefined) found.push("proxy_uwsgi");
  if (tls !== undefined) found.push("socache_shmcb", "ssl");
  return found;
}

/** mod_wsgi does not set the environment of the process: the file that holds the application does. */
function wsgiFile(app: App): string {
  return `import os
os.environ.update(${JSON.stringify(app.env ?? {})})
from ${app.module} import application
`;
}

function applicationLines(app: App, folder: string): string {
  return `
WSGISocketPrefix ${folder}/wsgi
WSGIDaemonProcess bench processes=${PROCESSES} threads=${THREADS} python-path=${app.root} listen-backlog=1024
WSGIProcessGroup bench
WSGIApplicationGroup %{GLOBAL}
WSGIScriptAlias / ${folder}/bench.wsgi`;
}

function upstreamLines(upstream: number): string {
  return `
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:${upstream}/ upgrade=websocket
DeflateCompressionLevel 5
<Location /page>
  SetOutputFilter DEFLATE
</Location>`;
}

function configuration(scene: Scene, { folder, port }: Place): string {
  const { app, files, upstream, uwsgi, tls } = scene;
  const load = modulesFor(scene).map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`);
  const user = process.getuid?.() === 0 ? "User www-data\nGroup www-data" : "";
  return `
ServerRoot ${folder}
ServerName localhost
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
ErrorLog ${folder}/apache-error.log
Listen 127.0.0.1:${port}
ListenBacklog 4096
${load.join("\n")}
${user}
ServerLimit 4
ThreadsPerChild 64
ThreadLimit 64
MaxRequestWorkers 256
AsyncRequestWorkerFactor 60
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 65
TypesConfig /etc/mime.types
BufferedLogs On
CustomLog ${folder}/access.log "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\""
EnableSendfile On
<Directory />
  Require all granted
  Options FollowSymLinks
  AllowOverride None
</Directory>
DocumentRoot ${files ?? folder}
${tls === undefined ? "" : `SSLEngine on\nSSLCertificateFile ${tls.pem}\nSSLCertificateKeyFile ${tls.key}\nSSLSessionCache shmcb:${folder}/ssl(512000)`}
${app === undefined ? "" : applicationLines(app, folder)}
${uwsgi === undefined ? "" : `ProxyPass /uwsgi unix:${uwsgi}|uwsgi://uwsgi/uwsgi`}
${upstream === undefined ? "" : upstreamLines(upstream)}
`;
}

export const apache: Peer = {
  name: "Apache + mod_wsgi",
  abilities: ["wsgi", "files", "proxy", "uwsgi", "websocket", "gzip", "tls"],
  packages: { debian: ["apache2-bin", "libapache2-mod-wsgi-py3"] },
  isThere: () => program("apache2") !== undefined && existsSync(`${MODULES}/mod_wsgi.so`),
  version: () => versionFrom(program("apache2") ?? "apache2", "-v"),
  launch: async (scene, place) => {
    const { folder } = place;
    const files = scene.app === undefined ? {} : { "bench.wsgi": wsgiFile(scene.app) };
    writeFiles(folder, { "apache.conf": configuration(scene, place), ...files });
    const command = [program("apache2") ?? "apache2", "-D", "FOREGROUND", "-f", join(folder, "apache.conf")];
    const running = new Program("apache", command, { folder });
    return together([running], () => running.signal("SIGUSR1"));
  },
};
