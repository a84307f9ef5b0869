/** Why others are ahead in a row, as far as it was found out (profile.ts). Shown where a row says that they are. */

const RUNTIME =
  "the runtime starts, reads 120 MB of executable and compiles what it runs; the workers then import the project";
const PROXIED = "most of it is system calls; what is left is JavaScript against C";

const COPIED =
  "the kernel copies what it sends of a file of 4 MiB and more out of its cache; nginx has sendfile, which leaves that to the client: less " +
  "of the server's time, and fewer bytes a second";
const ENCRYPTED = "a large file goes through memory in pieces, which are encrypted there";
const SEALED =
  "a hot file of up to 4 MiB is sent by the kernel, as with nginx, but out of a copy that nobody can change, not out of the file itself";
const DJANGO = "nine tenths are the project's own work, and the rounds lay further apart than the peers";

/** Of a row by one thread what is true of the row by all. */
export function whyOf(id: string): string | undefined {
  return WHY[id] ?? WHY[id.replace(/^one-/, "")];
}

export const WHY: Readonly<Record<string, string>> = {
  upload:
    "a body is complete, in memory or in a file, before a worker is asked, and goes to it over one more socket: so a slow sender holds " +
    "no worker. Who reads from the client in the worker saves both copies, and gives that up",
  stream:
    "a reply goes through one more socket, so that a slow reader holds no worker; who writes to the client in the worker saves that copy",
  proxy: PROXIED,
  "proxy-paced": PROXIED,
  uwsgi:
    "the uwsgi protocol has no kept connections: socket, connect and close are a third of the work of a front, sending another",
  websocket: PROXIED,
  gzip: "haproxy compresses with libslz, which has one fast level: its page has 14.8 KB, the others' 9.9",
  fixed: "what is left of a request after its two system calls is JavaScript against C",
  "304": "what is left of a request after its two system calls is JavaScript against C",
  "django-hello": DJANGO,
  "django-page": DJANGO,
  "django-paced": DJANGO,
  "1m": SEALED,
  "100m": COPIED,
  "one-100m-read":
    "a client that reads with little effort has time to fetch the bytes itself, which sendfile leaves to it; here the kernel copies them, since pages " +
    "of the file itself that are queued could still change",
  "tls-1m": ENCRYPTED,
  "many-cold":
    "the code that does it is compiled while the first ten thousand files are sent, which costs more than to send them; with a warm compiler see one-many-cold",
  idle: "an idle connection has a session object in JavaScript; nginx frees all but its struct",
  start: RUNTIME,
  "start-files": RUNTIME,
  memory: "master and fronts each have a JavaScript heap and the code compiled for it, 20 to 30 MB",
  "memory-files": "master and fronts each have a JavaScript heap and the code compiled for it, 20 to 30 MB",
};
