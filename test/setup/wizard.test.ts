/** The whole talk without a terminal: scripted replies, a project of files, commands that are told and not run. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Surroundings } from "../../src/machine/surroundings.ts";
import { here } from "../../src/machine/here.ts";
import { Looking } from "../../src/setup/looking.ts";
import type { Answers, Question } from "../../src/setup/question.ts";
import type { Reply, Screen } from "../../src/setup/screen.ts";
import type { Actions } from "../../src/setup/steps.ts";
import { runWizard, type WizardOptions } from "../../src/setup/wizard.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { SETTINGS } from "../support/setup.ts";

let folder = "";
beforeEach(() => {
  folder = makeFolder("wizard");
  writeFiles(folder, {
    "manage.py": "import django\n",
    "shop/wsgi.py": 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\nget_wsgi_application()\n',
    "shop/settings.py": "DEBUG = True\n",
    ".venv/bin/python": "#!/bin/sh\n",
  });
  Bun.spawnSync(["chmod", "+x", join(folder, ".venv/bin/python")]);
});
afterEach(() => removeFolder(folder));

interface Stage {
  /** How the project answers; by turns when it is asked again. */
  readonly probes?: readonly object[];
  readonly collect?: { code: number; stdout?: string; stderr?: string };
  readonly check?: { ok: boolean; said: string };
  readonly start?: { ok: boolean; said: string };
  /** It runs the machine, and we are root. */
  readonly systemd?: true;
  readonly options?: Partial<WizardOptions>;
  /** Where server.toml goes. */
  readonly output?: string;
  /** Undefined: what is offered. */
  readonly reply?: (question: Question) => Reply | undefined;
}

/** Runs it, and tells what was asked, said and run. */
async function talk(stage: Stage = {}) {
  const asked: string[] = [];
  const said: string[] = [];
  const run: string[] = [];
  const screen: Screen = {
    intro: () => {},
    rows: (title, rows) => void said.push(title, ...rows.map(([name, text]) => `${name}: ${text}`)),
    block: (title, lines) => void said.push(title, ...lines.map(({ text }) => text)),
    say: (tone, text) => void said.push(`${tone}: ${text}`),
    ask: (question) => {
      asked.push(question.id);
      return Promise.resolve(stage.reply?.(question) ?? { answer: question.initial });
    },
    work: () => ({ update: () => {}, end: (tone, text) => void said.push(`${tone}: ${text}`) }),
    outro: (tone, text) => void said.push(`${tone}: ${text}`),
  };
  const act =
    (name: string, outcome = { ok: true, said: "serving" }) =>
    () => {
      run.push(name);
      return Promise.resolve(outcome);
    };
  const actions: Actions = {
    check: act("check", stage.check ?? { ok: true, said: "" }),
    start: act("start", stage.start),
    reload: act("reload"),
    installUnit: act("unit"),
    certificate: () => Promise.resolve(undefined),
  };
  const options = { given: {}, yes: false, canAsk: true, dryRun: false, ...stage.options };
  const end = await runWizard(look(stage, run), screen, actions, options);
  return { end, asked, run, text: said.join("\n"), last: said.at(-1) ?? "" };
}

function look(stage: Stage, run: string[]): Looking {
  const real = here({ PATH: "/nonexistent" });
  const probes = [...(stage.probes ?? [])];
  const answer = (words: readonly string[]) => {
    if (words.some((word) => word.includes("collectstatic")))
      return (run.push("collectstatic"), { code: 0, ...stage.collect });
    if (words.includes("--deploy")) return (run.push("deploy"), { code: 0 });
    if (words.some((word) => word.includes("find_spec")))
      return { code: 0, result: JSON.stringify({ version: "3.12.1", executable: "", django: "5.2", modules: [] }) };
    const failing = probes.length > 1 ? probes.shift() : probes[0];
    return { code: 0, result: JSON.stringify({ ...probe(), ...failing }) };
  };
  const surroundings: Surroundings = {
    ...real,
    files: {
      ...real.files,
      kind: (path) => (path === SYSTEMD && stage.systemd === true ? "directory" : real.files.kind(path)),
    },
    run: (words: readonly string[]) =>
      Promise.resolve({ stdout: "", stderr: "", result: "", failure: undefined, ...answer(words) }),
  };
  return new Looking({
    surroundings,
    folder,
    uid: stage.systemd === true ? 0 : 1000,
    output: stage.output,
    variables: {},
    signal: new AbortController().signal,
    isRunning: () => Promise.resolve(false),
    lookUp: () => Promise.resolve("no-answer"),
  });
}

/** sd_booted(3) */
const SYSTEMD = "/run/systemd/system";

/** As the project's interpreter would answer. */
function probe() {
  const settings = {
    module: "shop.settings",
    file: join(folder, "shop/settings.py"),
    DEBUG: true,
    ALLOWED_HOSTS: [],
    STATIC_URL: "/static/",
    STATIC_ROOT: null,
    INSTALLED_APPS: SETTINGS.installedApps,
  };
  return { django: "5.2", memory: 50e6, settings, failure: null };
}

const FILES = [".venv", "manage.py", "shop"];
const SETTINGS_TEXT = "DEBUG = True\n";
const filesNow = () => readdirSync(folder).sort();
const settingsNow = () => readFileSync(join(folder, "shop/settings.py"), "utf8");

/** On a port that nobody has, so that nothing depends on who has 80. */
const GIVEN: Answers = { listen: "127.0.0.1:8000" };
const ALL = ["domain", "processes", "threads", "lines", "collectstatic", "start", "write"];

test("files that were changed while the plan was read are left as they are", async () => {
  for (const [path, text] of [
    ["shop/settings.py", "DEBUG = True\nMINE = 1\n"],
    ["server.toml", "# mine\n"],
  ] as const) {
    const reply = ({ id }: Question) => {
      if (id === "write") writeFiles(folder, { [path]: text });
      return undefined;
    };
    const { end, run, last } = await talk({ options: { given: GIVEN }, reply });
    expect({ end, run, last }).toEqual({
      end: "failed",
      run: [],
      last: `bad: ${path} was changed meanwhile, and nothing was written: start server setup again.`,
    });
    expect(readFileSync(join(folder, path), "utf8")).toBe(text);
  }
});

test("every offer taken: files, commands, in their order", async () => {
  const { end, asked, run, text } = await talk({ options: { given: GIVEN } });
  expect(asked).toEqual(ALL);
  expect(run).toEqual(["check", "collectstatic", "deploy", "start"]);
  expect(filesNow()).toEqual([...FILES, "server.toml", "staticfiles"].sort());
  expect(settingsNow()).toEndWith(
    "# For server: added by server setup.\nSTATIC_ROOT = " + JSON.stringify(join(folder, "staticfiles")) + "\n",
  );
  expect(readFileSync(join(folder, "shop/settings.py.1"), "utf8")).toBe(SETTINGS_TEXT);
  // Nobody serves, so the page that is asked for does not come, and that is what is told.
  expect(end).toBe("failed");
  expect(text).toContain("/ is not answered");
});

for (const id of ALL)
  test(`leaving at ${id}: nothing is written, nothing is run`, async () => {
    const { end, run, last } = await talk({
      options: { given: GIVEN },
      reply: (q) => (q.id === id ? "leave" : undefined),
    });
    expect([end, last, run]).toEqual(["failed", "bad: Nothing was written.", []]);
    expect(filesNow()).toEqual(FILES);
    expect(settingsNow()).toBe(SETTINGS_TEXT);
  });

for (const [i, id] of ALL.entries())
  test(`back from ${id} leads to ${ALL[i - 1] ?? "the way out"}`, async () => {
    let done = false;
    const reply = (question: Question): Reply | undefined => {
      if (question.id !== id || done) return question.id === "write" ? "leave" : undefined;
      done = true;
      return "back";
    };
    const { asked } = await talk({ options: { given: GIVEN }, reply });
    if (i === 0) expect(asked).toEqual(["domain"]);
    else expect(asked.slice(0, i + 2)).toEqual([...ALL.slice(0, i + 1), ALL[i - 1] ?? ""]);
    expect(filesNow()).toEqual(FILES);
  });

test("what is here is told once, whatever is answered as it would be taken", async () => {
  writeFiles(folder, { "manage.py": 'import django\n"DJANGO_SETTINGS_MODULE", "shop.local"\n' });
  const { asked, text } = await talk({ options: { given: GIVEN } });
  expect(asked[0]).toBe("settings");
  expect(text.match(/What is here/g)?.length).toBe(1);
});

test("--yes asks nothing, writes, and leaves the code as it is", async () => {
  const { asked, run } = await talk({ options: { given: GIVEN, yes: true, canAsk: false } });
  expect(asked).toEqual([]);
  expect(run).toEqual(["check", "collectstatic", "deploy", "start"]);
  expect(settingsNow()).toBe(SETTINGS_TEXT);
  expect(existsSync(join(folder, "server.toml"))).toBe(true);
});

test("a file of another name is named in what is to be typed", async () => {
  const given = { ...GIVEN, start: "no" };
  const { last } = await talk({ output: join(folder, "my site.toml"), options: { given, yes: true } });
  expect(last).toStartWith("good: my site.toml is ready. To start: cd ");
  expect(last).toContain("&& server start -c 'my site.toml'; then http://127.0.0.1:8000/");
});

test("--dry-run shows all and does nothing", async () => {
  const { end, run, text, last } = await talk({ options: { given: GIVEN, yes: true, dryRun: true } });
  expect([end, run, last]).toEqual(["done", [], "good: Nothing was written, as --dry-run asks."]);
  expect(text).toContain('wsgi = "shop.wsgi:application"');
  expect(text).toContain("warn: DEBUG is on");
  expect(filesNow()).toEqual(FILES);
});

test("nobody to ask: all flags that are missing are named, with what --yes would take", async () => {
  const { end, last, asked } = await talk({ options: { canAsk: false } });
  expect([end, asked]).toEqual(["usage", []]);
  expect(last).toStartWith(
    "bad: Nobody is asked here, and these are not given:\n    --domain: Under which domain names? --yes takes none.\n",
  );
  expect(last).toContain("--processes: How many processes? --yes takes ");
  expect(last).toMatch(/--lines: May (2 lines|a line) be added to shop\/settings.py\? --yes takes leave\./);
});

const WRONG: readonly (readonly [string, Answers, RegExp])[] = [
  ["a value that cannot be used", { processes: "many" }, /--processes should be a number/],
  ["a flag that has no meaning here", { uploads: "public" }, /--uploads has no meaning here/],
];

for (const [title, given, expected] of WRONG)
  test(`${title} ends it`, async () => {
    const { end, last, run } = await talk({ options: { given: { ...GIVEN, ...given }, yes: true } });
    expect([end, run]).toEqual(["usage", []]);
    expect(last).toMatch(expected);
    expect(filesNow()).toEqual(FILES);
  });

test("a file that is there: the difference is shown, and the old one kept", async () => {
  writeFiles(folder, { "server.toml": "# mine\n" });
  const { text, run } = await talk({ options: { given: GIVEN, yes: true } });
  expect(text).toContain("server.toml is there; this would change\n# mine\n# Written by server setup");
  expect(run[0]).toBe("check");
  expect(readFileSync(join(folder, "server.toml.1"), "utf8")).toBe("# mine\n");
  const again = await talk({ options: { given: GIVEN, yes: true } });
  expect(again.text).toContain("server.toml is there and stays as it is.");
  expect(existsSync(join(folder, "server.toml.2"))).toBe(false);
});

test("a file that is there is not changed without consent", async () => {
  writeFiles(folder, { "server.toml": "# mine\n" });
  const given = {
    domain: "",
    processes: "2",
    threads: "2",
    lines: "leave",
    collectstatic: "no",
    start: "no",
    ...GIVEN,
  };
  const { end, text } = await talk({ options: { given, canAsk: false } });
  expect(end).toBe("failed");
  expect(text).toContain("--yes agrees to the change, and the old one is kept");
  expect(readFileSync(join(folder, "server.toml"), "utf8")).toBe("# mine\n");
});

const FAILURE = {
  stage: "settings",
  type: "ModuleNotFoundError",
  message: "No module named 'environ'",
  missing: "environ",
  traceback: ["  x"],
};
const BROKEN = { settings: null, failure: FAILURE };

test("a project that fails: why, the remedy, and again when it is mended", async () => {
  const { asked, text } = await talk({ probes: [BROKEN, {}], options: { given: GIVEN } });
  expect(text).toContain("The settings cannot be loaded: ModuleNotFoundError");
  expect(text).toContain("What to do: environ is not installed");
  expect(asked.slice(0, 2)).toEqual(["broken", "domain"]);
  expect(asked.at(-1)).toBe("write");
});

test("what is here is looked for again, too: another kind of project may be what mends it", async () => {
  const reply = ({ id }: Question) => {
    if (id !== "broken") return id === "write" ? ("leave" as const) : undefined;
    rmSync(join(folder, "manage.py"));
    writeFiles(folder, { "app.py": "app = Flask(__name__)\n" });
    return undefined;
  };
  const { text } = await talk({ probes: [BROKEN, { settings: null }], options: { given: GIVEN }, reply });
  expect(text).toContain("Project: Django 5.2: shop");
  expect(text).toContain("Project: Flask: ");
  expect(text).toContain('wsgi = "app:app"');
});

test("a project that fails: --yes writes nothing, --broken ignore does", async () => {
  const stop = await talk({ probes: [BROKEN], options: { given: GIVEN, yes: true } });
  expect([stop.end, stop.run]).toEqual(["failed", []]);
  expect(filesNow()).toEqual(FILES);
  const given = await talk({ probes: [BROKEN], options: { given: { ...GIVEN, broken: "stop" }, yes: true } });
  expect([given.end, given.run]).toEqual(["failed", []]);
  const ignore = await talk({ probes: [BROKEN], options: { given: { ...GIVEN, broken: "ignore" }, yes: true } });
  expect([ignore.end, ignore.run]).toEqual(["done", ["check"]]);
  expect(existsSync(join(folder, "server.toml"))).toBe(true);
});

test("collectstatic that fails: its output, the remedy, and no start", async () => {
  const collect = { code: 1, stdout: "Copying 'x'\n", stderr: "PermissionError: denied\n" };
  const { end, run, text, last } = await talk({ collect, options: { given: { ...GIVEN, lines: "add" }, yes: true } });
  expect([end, run]).toEqual(["failed", ["check", "collectstatic"]]);
  expect(text).toContain("PermissionError: denied");
  expect(last).toContain("manage.py collectstatic, then server start");
});

test("a configuration that cannot be used is told with what server check says", async () => {
  const { end, run, last, text } = await talk({
    check: { ok: false, said: "server.toml:4: wrong\n" },
    options: { given: GIVEN, yes: true },
  });
  expect([end, run]).toEqual(["failed", ["check"]]);
  expect(text).toContain("server.toml:4: wrong");
  expect(last).toContain("cannot be used as it is");
});

test("a start that fails shows what it said", async () => {
  const { end, text } = await talk({
    start: { ok: false, said: "server: port 8000 is taken\n" },
    options: { given: GIVEN, yes: true },
  });
  expect(end).toBe("failed");
  expect(text).toContain("server: port 8000 is taken");
});

test("with systemd and root it becomes a service, which starts it", async () => {
  const { asked, run, text } = await talk({ systemd: true, options: { given: GIVEN } });
  expect(asked.filter((id) => id === "unit" || id === "start" || id === "user")).toEqual(["unit"]);
  expect(run.at(-1)).toBe("unit");
  expect(text).toContain("Run: install and start a service of systemd");
  const without = await talk({ systemd: true, options: { given: { ...GIVEN, unit: "no", user: "root" }, yes: true } });
  expect(without.run.at(-1)).toBe("start");
  expect(without.text).toContain("Run: server start, as root");
});

test("root that uWSGI would have been is said in the file, and told", async () => {
  const imported = async (uid: string, stage: Stage, given: Answers) => {
    const ini = `[uwsgi]\n${uid}http-socket=127.0.0.1:8391\nchdir=${folder}\nmodule=shop.wsgi\n`;
    writeFiles(folder, { "uwsgi.ini": ini });
    const answers = { import: "yes", start: "no", ...given };
    const { text } = await talk({ ...stage, options: { given: answers, yes: true } });
    return [readFileSync(join(folder, "server.toml"), "utf8").includes("run_as_root"), text.includes("runs as root")];
  };
  expect(await imported("", { systemd: true }, { unit: "no" })).toEqual([true, true]);
  expect(await imported("uid=1000\n", { systemd: true }, { unit: "no" })).toEqual([false, false]);
  expect(await imported("", {}, {})).toEqual([false, false]);
});

test("a unit of gunicorn is offered, alone and with the nginx before it; one of ASGI is not", async () => {
  const unit = (options: string) =>
    `[Service]\nWorkingDirectory=${folder}\nExecStart=${folder}/.venv/bin/gunicorn -b 127.0.0.1:8391 ${options}\n`;
  const nginx =
    "server { listen 8392; location / { proxy_set_header Host $host; proxy_pass http://127.0.0.1:8391; } }\n";
  const given = (options: object) => talk({ options: { given: { start: "no", ...options }, yes: true } });
  const written = () => {
    const text = readFileSync(join(folder, "server.toml"), "utf8");
    rmSync(join(folder, "server.toml"));
    return text;
  };
  writeFiles(folder, { "deploy/gunicorn.service": unit("-w 7 shop.wsgi") });
  // What is lost by nothing is what is taken without an answer.
  const alone = await given({});
  expect(alone.text).toContain("gunicorn in");
  expect(written()).toMatch(/processes +=.* 7 [^]*listen +=.*"127\.0\.0\.1:8391"/);
  writeFiles(folder, { "deploy/nginx.conf": nginx });
  await given({});
  const joined = written();
  expect(joined).toMatch(/listen += 8392/);
  expect(joined).not.toContain("upstream");
  await given({ import: "no" });
  expect(written()).not.toContain("8392");
  rmSync(join(folder, "deploy/nginx.conf"));
  writeFiles(folder, { "deploy/gunicorn.service": unit("-k uvicorn.workers.UvicornWorker shop.asgi") });
  const asgi = await talk({ options: { given: { start: "no" } } });
  expect(asgi.asked).not.toContain("import");
});
