/** Why others are ahead in a row, as far as it was found out (profile.ts). Shown where a row says that they are. */

const RUNTIME =
  "the runtime starts, reads 120 MB of executable and compiles what it runs; the workers then import the project";
const PROXIED = "most of it is system calls; what is left is JavaScript against C";

const COPIED =
  "the kernel copies what it sends of a file of 4 MiB and more out of its cache, as long as the thread has time for that; nginx has sendfile, " +
  "which leaves that to the client: less of the server's time, and fewer bytes a second";
const ENCRYPTED = "a large file goes through memory in pieces, which are encrypted there";
const SEALED =
  "a hot file of up to 4 MiB is sent by the kernel, as with nginx, but out of a copy that nobody can change, not out of the file itself";
const PACED =
  "up to a millisecond of a wait is the generator's, which looks at what is due once in one; what is left lies further apart between rounds than between the two";
const DJANGO = "nine tenths are the project's own work, and the rounds lay further apart than the peers";

/** Of a row by one thread what is true of the row by all. */
export function whyOf(id: string): string | undefined {
  return WHY[id] ?? WHY[id.replace(/^one-/, "")];
}

export const WHY: Readonly<Record<string, string>> = {
  "hello-close": "the rounds lay further apart than the two",
  "hello-paced": PACED,
  "1k-paced": PACED,
  upload:
    "a body is complete, in memory or in a file, before a worker is asked, and goes to it over one more socket: so a slow sender holds " +
    "no worker. Who reads from the client in the worker saves both copies, and gives that up",
  stream:
    "a client that keeps up has its connection lent to the Python thread, which writes to it as those do that have no process in front; what is left is the " +
    "first blocks, which go by way of the front, the asking, and Python against what they are written in",
  sleeper:
    "it is not the sleeper: beside one the p99 is 1.1 times what it is alone, as with nginx. Four connections that ask again at once fill two cores, " +
    "and the slowest hundredth is who waits for one. What was seen: half of nginx's processor time for a request, and so twice as many requests, half of them in half " +
    "the time; 2.4 changes of who has a core for each, at nginx and uWSGI five to nine, so that whoever waits for a core waits for a longer turn",
  proxy: PROXIED,
  "proxy-paced": PROXIED,
  "proxy-1m": "the rounds lay further apart than the two; by one thread each it is the other way round (one-proxy-1m)",
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
    "a client that reads with little effort has time to fetch the bytes itself, which sendfile leaves to it; here the kernel copies a part of them, " +
    "since pages of the file itself that are queued could still change",
  "tls-1m": ENCRYPTED,
  "tls-handshakes":
    "wrk takes its session up again where the server resumes it: of nginx, whose workers share their ticket keys, 98 of 100 connections, of our fronts, which " +
    "each have their own, half. Ours need less processor time even so; but the generator, which shares the cores, has more certificates to verify. It also asks for " +
    "the server's first message without waiting (80 to 160 reads for a connection that needs 12), and so takes the more time the later a front is woken; workers " +
    "of nginx listen on one socket, where one that is awake comes first (with `reuseport`, as our fronts do, nginx has 0.86 of its own requests per second)",
  "one-16k":
    "wrk has no time to spare on the core that is left to it (0.96 of its time, with nginx, too), and is itself what is measured: that a reply of ours costs the " +
    "server less changes nothing",
  many: "the rounds lay further apart than the peers, and a warm-up of a second leaves the compiler something to do; with five of them, by one thread, it is the other way round (one-many)",
  "many-cold":
    "the code that does it is compiled while the first ten thousand files are sent, which costs more than to send them; with a warm compiler see one-many-cold",
  idle: "an idle connection has a session object in JavaScript; nginx frees all but its struct",
  slow:
    "a reader has a session, an exchange and a transfer in JavaScript, in a heap that grows in steps; lighttpd and nginx have structs. It is a single round: " +
    "repeated, it was 6 KiB of ours and 9 of nginx",
  start: RUNTIME,
  "start-files": RUNTIME,
  memory: "master and fronts each have a JavaScript heap and the code compiled for it, 20 to 30 MB",
  "memory-files": "master and fronts each have a JavaScript heap and the code compiled for it, 20 to 30 MB",
};
