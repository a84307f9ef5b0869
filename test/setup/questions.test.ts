/** Facts and answers → which questions arise, with which offer and which reasons. */
import { expect, test } from "bun:test";
import { temporaryPair } from "../../src/certificates/local.ts";
import { answerQuestion, beginDialog, nextQuestion } from "../../src/setup/dialog.ts";
import { obstacleOf } from "../../src/setup/obstacle.ts";
import { type Answers, type Question, type QuestionId, refuseAnswer } from "../../src/setup/question.ts";
import { askFor } from "../../src/setup/questions.ts";
import { DJANGO, ROOT, ROOT_ACCOUNT, seenOf, type Sight } from "../support/setup.ts";

/** All that is asked when every offer is taken. */
function conversation(sight: Sight, given: Answers = {}): string[] {
  const seen = seenOf(sight);
  const asked: string[] = [];
  for (let dialog = beginDialog(given); ;) {
    const next = nextQuestion(dialog, seen, askFor);
    if (next === undefined) return asked;
    if (next.wrong !== undefined) return [...asked, `--${next.question.id} ${next.wrong}`];
    const id = next.question.id as QuestionId;
    asked.push(`${id}=${next.question.initial}`);
    dialog = answerQuestion(dialog, id, next.question.initial);
  }
}

const ask = (id: QuestionId, sight: Sight = {}, answers: Answers = {}): Question | undefined =>
  askFor(id, seenOf(sight), answers);
const nginx = [{ port: 80, listeners: [], holders: [{ pid: 9, name: "nginx" }] }];
const why = (question: Question | undefined) => question?.why.join("\n") ?? "";

const COMMON = "processes=2 threads=2";

const CONVERSATIONS: readonly (readonly [string, Sight, string, Answers?])[] = [
  ["a project that lacks nothing", {}, `domain=www.shop.example.org https=auto ${COMMON} collectstatic=yes start=yes`],
  [
    "a fresh project: no names, DEBUG, no STATIC_ROOT",
    { settings: { allowedHosts: [], debug: true, staticRoot: undefined } },
    `domain= https=off ${COMMON} lines=add collectstatic=yes start=yes`,
  ],
  [
    "addresses in ALLOWED_HOSTS are no domain names",
    { settings: { allowedHosts: ["198.51.100.7", "[2001:db8::1]", "localhost"] } },
    `domain= https=off ${COMMON} collectstatic=yes start=yes`,
  ],
  [
    "systemd and root: a unit, which starts it",
    { host: { systemd: true, account: ROOT_ACCOUNT } },
    `domain=www.shop.example.org https=auto ${COMMON} collectstatic=yes unit=yes`,
  ],
  [
    "port 80 is taken: elsewhere, without HTTPS",
    { taken: nginx },
    `domain=www.shop.example.org listen=8000 ${COMMON} collectstatic=yes start=yes`,
  ],
  [
    "no root: elsewhere",
    { machine: { lowPorts: false } },
    `domain=www.shop.example.org listen=8000 ${COMMON} collectstatic=yes start=yes`,
  ],
  [
    "uploads",
    { settings: { mediaPath: "/media/", mediaRoot: `${ROOT}/media` } },
    `domain=www.shop.example.org https=auto ${COMMON} uploads=public collectstatic=yes start=yes`,
  ],
  [
    "static files of a CDN",
    { settings: { staticPath: undefined, staticUrl: "https://cdn.example.org/" } },
    `domain=www.shop.example.org https=auto ${COMMON} start=yes`,
  ],
  [
    "names in a LAN",
    { settings: { allowedHosts: ["shop.lan"] } },
    `domain=shop.lan https=internal ${COMMON} collectstatic=yes start=yes`,
  ],
  [
    "files of the administrator's",
    {},
    `domain=www.shop.example.org cert= key= ${COMMON} collectstatic=yes start=yes`,
    { https: "files" },
  ],
  [
    "it runs already: reload, and its ports are its own",
    { taken: nginx, seen: { running: true } },
    `domain=www.shop.example.org https=auto ${COMMON} collectstatic=yes start=yes`,
  ],
  ["no project at all", { projects: [] }, "kind=static root=. domain= https=off start=yes"],
  ["a reverse proxy", { projects: [] }, "upstream=127.0.0.1:8000 domain= https=off start=yes", { kind: "proxy" }],
  [
    "several projects",
    { projects: [DJANGO, { ...DJANGO, root: `${ROOT}/two`, name: "two" }] },
    "project=. domain= https=off start=yes",
  ],
  [
    "wsgi.py and manage.py disagree about the settings",
    {
      project: {
        ...DJANGO,
        settings: [
          { module: "shop.prod", by: "shop/wsgi.py" },
          { module: "shop.dev", by: "manage.py" },
        ],
      } as typeof DJANGO,
    },
    `settings=shop.prod domain=www.shop.example.org https=auto ${COMMON} collectstatic=yes start=yes`,
  ],
  [
    "a project that fails",
    { loaded: { failure: { what: "w", remedy: "r", lines: [] }, settings: undefined } },
    `broken=again domain= https=off ${COMMON} start=yes`,
  ],
  ["no Python", { python: null, loaded: { settings: undefined } }, `python= domain= https=off ${COMMON} start=yes`],
  [
    "a Python without Django",
    { python: { django: undefined } as never },
    `python= domain=www.shop.example.org https=auto ${COMMON} collectstatic=yes start=yes`,
  ],
  [
    "files that can be imported say it all",
    {
      seen: {
        importable: {
          files: ["/etc/nginx/sites-enabled/shop"],
          toml: "",
          losses: [],
          folders: [],
          isOurs: true,
          forwards: false,
          names: [],
          asRoot: false,
          front: undefined,
          taken: nginx,
        },
      },
    },
    "import=yes collectstatic=yes start=no",
  ],
  [
    "an import that would lose something is not what is offered",
    {
      seen: {
        importable: {
          files: [`${ROOT}/uwsgi.ini`],
          toml: "",
          losses: ["spooler: none here"],
          folders: [],
          isOurs: true,
          forwards: false,
          names: [],
          asRoot: false,
          front: undefined,
          taken: [],
        },
      },
    },
    `import=no domain=www.shop.example.org https=auto ${COMMON} collectstatic=yes start=yes`,
  ],
];

for (const [title, sight, expected, given] of CONVERSATIONS)
  test(`what is asked: ${title}`, () => expect(conversation(sight, given).join(" ")).toBe(expected));

const refuse = (id: QuestionId, typed: string, sight: Sight = {}, answers: Answers = {}) => {
  const question = ask(id, sight, answers);
  if (question === undefined) throw new Error(`${id} does not arise`);
  return refuseAnswer(question, typed);
};

const PAIR = temporaryPair(["example.org", "*.example.org"], Date.now());
const LOCKED = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
const SITE = { kind: "static", root: ROOT, name: "shop" } as const;
const FILES = {
  files: {
    [`${ROOT}/a.pem`]: PAIR.cert,
    [`${ROOT}/bad.pem`]: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    [`${ROOT}/k.pem`]: PAIR.key,
    [`${ROOT}/.keys/k.pem`]: PAIR.key,
    [`${ROOT}/other.pem`]: temporaryPair(["example.org"], Date.now()).key,
    [`${ROOT}/locked.pem`]: LOCKED,
  },
};
const OWN = { https: "files", cert: "a.pem" };

const REFUSALS: readonly (readonly [QuestionId, string, RegExp | undefined, Sight?, Answers?])[] = [
  ["domain", "example.org, www.example.org", undefined],
  ["domain", "", undefined],
  ["domain", "*.example.org .example.net 192.0.2.1", undefined],
  ["domain", "https://example.org", /^https:\/\/example.org: should be a name without scheme/],
  ["domain", "example.org:80", /without a port/],
  // In two lines of a narrow screen.
  ["domain", "exa mple..org", /^mple..org: should be a name such as example.org or \*.example.org$/],
  ["https", "auto", undefined, {}, { domain: "example.org" }],
  ["https", "auto", /needs --domain/, {}, {}],
  ["https", "auto", /shop.lan is not; internal/, {}, { domain: "shop.lan" }],
  ["https", "auto", /is not; internal/, {}, { domain: "*.example.org" }],
  ["https", "maybe", /should be auto, files, internal or off/, {}, {}],
  ["listen", "web", undefined, {}, { listen: "web" }],
  ["listen", "8080", undefined, {}, { listen: "8080" }],
  ["listen", "[::1]:8080", undefined, {}, { listen: "1" }],
  ["listen", "99999", /should be web/, {}, { listen: "1" }],
  ["listen", "unix:/run/x.sock", undefined, {}, { listen: "1" }],
  ["cert", "a.pem", undefined, FILES, { https: "files" }],
  ["cert", "b.pem", /b.pem does not exist/, FILES, { https: "files" }],
  ["cert", "k.pem", /holds no certificate/, FILES, { https: "files" }],
  ["cert", "bad.pem", /whose certificate number 1 is none/, FILES, { https: "files" }],
  ["cert", "shop", /is no file/, FILES, { https: "files" }],
  ["key", "k.pem", undefined, FILES, OWN],
  ["key", "a.pem", /holds no private key/, FILES, OWN],
  ["key", "other.pem", /^other.pem, which is not the key of a.pem$/, FILES, OWN],
  ["key", "locked.pem", /whose key has a passphrase/, FILES, OWN],
  ["key", "k.pem", /stands among the files that are served/, { ...FILES, project: SITE }, OWN],
  ["key", ".keys/k.pem", undefined, { ...FILES, project: SITE }, OWN],
  ["processes", "0", /from 1 to 1024/],
  ["processes", "4", undefined],
  ["threads", "many", /from 1 to 256/],
  ["root", "shop", undefined, { projects: [] }, { kind: "static" }],
  ["root", "shop/settings.py", /is not a folder/, { projects: [] }, { kind: "static" }],
  ["root", "nowhere", /does not exist/, { projects: [] }, { kind: "static" }],
  ["upstream", "10.0.0.1:80", undefined, { projects: [] }, { kind: "proxy" }],
  ["upstream", "https://10.0.0.1", undefined, { projects: [] }, { kind: "proxy" }],
  ["upstream", "what is it", /should be an address/, { projects: [] }, { kind: "proxy" }],
  ["python", ".venv", undefined, { python: null }],
  ["python", "nowhere", /there is no interpreter at \/srv\/shop\/nowhere/, { python: null }],
  ["unit", "yes", /^cannot be yes: systemd does not run this machine/, {}, { unit: "yes" }],
  [
    "unit",
    "yes",
    /sudo server setup/,
    { host: { systemd: true, account: { uid: 7, name: "ann", gid: 7, home: "/" } } },
    { unit: "yes" },
  ],
];

for (const [id, typed, expected, sight, answers] of REFUSALS)
  test(`--${id} ${JSON.stringify(typed)} ${expected === undefined ? "can be used" : `is refused: ${expected.source}`}`, () => {
    const refused = refuse(id, typed, sight, answers);
    if (expected === undefined) expect(refused).toBeUndefined();
    else expect(refused).toMatch(expected);
  });

test("what runs the project today was given as many for a reason", () => {
  const path = "/etc/systemd/system/shop.service";
  const sight: Sight = { existing: [{ path, kind: "unit", program: "gunicorn", processes: 5 }] };
  const [processes, threads] = [ask("processes", sight), ask("threads", sight)];
  expect([processes?.initial, threads?.initial]).toEqual(["5", "2"]);
  expect(processes?.why[0]).toBe(`Gunicorn has 5 today, in ${path}.`);
  expect(why(threads)).not.toContain("Gunicorn");
});

test("it is told whom a certificate does not name, as soon as it is", () => {
  const told = (domain: string) => why(ask("key", FILES, { ...OWN, domain }));
  expect(told("example.org www.example.org .example.org")).toBe("In PEM.");
  expect(told("example.org shop.test")).toBe(
    "In PEM.\nThe certificate does not name shop.test, but example.org, *.example.org.",
  );
  expect(told("")).toBe("In PEM.");
  expect(why(ask("key", {}, { ...OWN, domain: "shop.test" }))).toBe("In PEM.");
});

test("the reasons say who has the port, and what the DNS says", () => {
  expect(why(ask("listen", { taken: nginx }))).toBe("Port 80 is taken by nginx (pid 9).");
  const both = [...nginx, { port: 443, listeners: [], holders: [{ pid: 9, name: "nginx" }] }];
  expect(why(ask("listen", { taken: both }))).toBe("Ports 80 and 443 are taken by nginx (pid 9).");
  const ann = { uid: 1000, name: "ann", gid: 1000, home: "/home/ann" };
  expect(why(ask("listen", { machine: { lowPorts: false }, host: { account: ann } }))).toBe(
    "Ports below 1024 are for root, and you are ann.",
  );
  const https = (verdict: object) =>
    why(ask("https", { names: { "example.org": verdict as never } }, { domain: "example.org" }));
  expect(https({ kind: "here", addresses: [] })).toBe("example.org leads to this machine.");
  expect(https({ kind: "elsewhere", addresses: ["203.0.113.9"] })).toContain(
    "leads to 203.0.113.9, not to this machine (198.51.100.7)",
  );
  expect(https({ kind: "unknown-name" })).toContain("set its A record to 198.51.100.7");
});

test("why it would not start now", () => {
  expect(why(ask("start", { taken: nginx }, { listen: "web" }))).toBe(
    "It would not start: port 80 is taken by nginx (pid 9).",
  );
  expect(ask("start", { taken: nginx }, { listen: "web" })?.initial).toBe("no");
  expect(ask("start", { taken: nginx }, { listen: "8000" })?.initial).toBe("yes");
  expect(ask("start", {}, { broken: "ignore" })?.initial).toBe("no");
  expect(ask("start", { taken: [{ ...nginx[0]!, port: 443 }] }, { https: "off" })?.initial).toBe("yes");
});

const wsgi = (callables: object[]) => ({ project: { kind: "wsgi", root: ROOT, name: "shop", callables } as never });
const flask = { file: "app.py", module: "app", callable: "app", framework: "Flask", factory: false, asgi: false };

test("a WSGI application: which, when there are several; how, when a function makes it; and none that speaks ASGI", () => {
  expect(conversation(wsgi([flask])).join(" ")).toBe(`domain= https=off ${COMMON} start=yes`);
  expect(conversation(wsgi([flask, { ...flask, module: "web", file: "web.py" }]))[0]).toBe("callable=app:app");
  const factory = wsgi([{ ...flask, callable: "create_app", factory: true }]);
  expect(why(ask("factory", factory))).toContain("    application = create_app()");
  expect(ask("factory", factory)).toMatchObject({ initial: "write", unasked: "leave" });
  expect(obstacleOf(seenOf(factory), { factory: "leave" })).toContain("from app import create_app");
  expect(obstacleOf(seenOf(factory), { factory: "write" })).toBeUndefined();
  const asgi = wsgi([{ ...flask, framework: "FastAPI", asgi: true }]);
  expect(obstacleOf(seenOf(asgi), {})).toContain("uvicorn app:app");
  expect(obstacleOf(seenOf(wsgi([flask])), {})).toBeUndefined();
});

test("lines are added only by consent: --yes leaves them", () => {
  const question = ask("lines", { settings: { staticRoot: undefined } });
  expect(question).toMatchObject({ initial: "add", unasked: "leave" });
  expect(why(question)).toContain('    STATIC_ROOT = "/srv/shop/staticfiles"');
});

test("files that forward to what runs the project are no way to run it here; their names are", () => {
  const importable = {
    files: ["/etc/nginx/sites-enabled/shop"],
    toml: "",
    losses: [],
    folders: [],
    isOurs: true,
    forwards: true,
    names: ["shop.example.net"],
    asRoot: false,
    front: undefined,
    taken: [],
  };
  const sight: Sight = { settings: { allowedHosts: [] }, seen: { importable } };
  expect(ask("import", sight)).toMatchObject({ initial: "no" });
  expect(why(ask("import", sight))).toContain("Begun anew, server runs it itself.");
  expect(ask("domain", sight, { import: "no" })).toMatchObject({ initial: "shop.example.net" });
  expect(why(ask("domain", sight, { import: "no" }))).toStartWith("From what serves the project today.");
  const files: Sight = { ...sight, project: SITE };
  expect(ask("import", files)).toMatchObject({ initial: "yes" });
});

test("root is asked as whom the project runs, unless somebody owns it or a unit does", () => {
  const asRoot = (more: Sight["seen"] = {}): Sight => ({ host: { account: ROOT_ACCOUNT }, seen: more });
  const web = (reaches: boolean) => asRoot({ webUser: { name: "www-data", reaches, cannotWrite: [] } });
  expect(ask("user", web(true))).toMatchObject({ initial: "www-data" });
  // For --yes root is no answer, but where the file that is there says it.
  expect(ask("user", asRoot({ wasRoot: true }))).not.toHaveProperty("unasked");
  expect(refuse("user", "", asRoot())).toContain("is no user of this machine");
  expect(ask("user", web(false))).toMatchObject({ initial: "root", unasked: "" });
  expect(ask("user", asRoot())).toMatchObject({ initial: "root" });
  expect(ask("user", asRoot({ owner: { uid: 7, gid: 7, name: "ann", home: "/" } }))).toBeUndefined();
  expect(ask("user", web(true), { unit: "yes" })).toBeUndefined();
  expect(ask("user")).toBeUndefined();
  const files = { ...web(true), project: SITE };
  expect(ask("user", files)).toMatchObject({ initial: "www-data" });
  expect(why(ask("user", files))).toBe("You are root, and the folder belongs to root.");
  expect(ask("user", { ...web(true), projects: [] }, { kind: "proxy" })).toMatchObject({
    initial: "www-data",
    why: ["You are root, and forwarding needs none of root's rights."],
  });
  expect(ask("user", files, { import: "yes" })).toBeUndefined();
  const passwd = { files: { "/etc/passwd": "ann:x:7:7::/:/bin/sh\n" } };
  expect(refuse("user", "ann", { ...asRoot(), ...passwd })).toBeUndefined();
  expect(refuse("user", "bob", { ...asRoot(), ...passwd })).toBe('is "bob", which is no user of this machine');
});
