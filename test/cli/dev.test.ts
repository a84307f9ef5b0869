/** What `server dev` plans and says, on machines that are tables. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { findProject, planFor } from "../../src/cli/dev-plan.ts";
import { readyText } from "../../src/cli/dev-text.ts";
import { writePlan } from "../../src/import/write.ts";
import type { ProjectFacts } from "../../src/setup/facts.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { SETTINGS } from "../support/patient.ts";
import { procNetTcp, surroundingsOf, type Table } from "../support/surroundings.ts";

const MANAGE = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\nexecute_from_command_line(sys.argv)';
const WSGI = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\napplication = get_wsgi_application()\n';

let root = "";
beforeAll(() => (root = makeFolder("dev-plan")));
afterAll(() => removeFolder(root));

function machine(files: NonNullable<Table["files"]> = {}) {
  return surroundingsOf({ files: { [`${root}/manage.py`]: MANAGE, [`${root}/shop/wsgi.py`]: WSGI, ...files } });
}

function factsOf(
  more: Partial<ProjectFacts> = {},
  loaded: Partial<NonNullable<ProjectFacts["loaded"]>> = {},
): ProjectFacts {
  const chosen = {
    python: "/usr/bin/python3",
    virtualenv: undefined,
    origin: "PATH",
    version: "3.11.2",
    django: "5.2",
    modules: [],
  };
  return {
    project: findProject(machine(), root, undefined),
    python: { chosen, others: [] },
    loaded: {
      version: "5.2",
      settings: { ...SETTINGS, debug: true },
      memoryBytes: undefined,
      failure: undefined,
      ...loaded,
    },
    existing: [],
    ...more,
  };
}

const WISH = { folder: "/elsewhere", listen: [], settings: undefined, isRoot: false };
const plan = (facts = factsOf(), wish = {}, files = machine().files) =>
  planFor(files, facts, { ...WISH, folder: root, ...wish });
const said = (facts = factsOf(), files = machine().files) => readyText(facts, plan(facts, {}, files), false);

test("one process that is loaded anew, Django's finders, a log for people, on this machine alone", () => {
  const text = writePlan(plan().plan);
  for (const line of [
    'access_log_format = "short"',
    "processes        = 1",
    "reload_on_change = true",
    "static_finders   = true",
    'listen = ["127.0.0.1:8000"]',
  ])
    expect(text).toContain(line);
  expect(text).not.toContain("user");
});

test("the next free port, and who has the usual one", () => {
  const { files } = machine({
    "/proc/net/tcp": procNetTcp([
      { port: 8000, inode: 7 },
      { port: 8001, inode: 8 },
    ]),
  });
  expect(plan(factsOf(), {}, files).listen).toEqual(["127.0.0.1:8002"]);
  expect(said(factsOf(), files)).toContain("http://127.0.0.1:8002/  (port 8000 is taken)");
  expect(plan(factsOf(), { listen: ["9000"] }).listen).toEqual(["9000"]);
});

test("started by root it runs as whose the project is", () => {
  const text = writePlan(plan(factsOf(), { isRoot: true }).plan);
  const isOwn = process.getuid?.() === 0;
  expect(text).toContain(isOwn ? "run_as_root" : "user");
});

test("settings without the app of static files have no finders", () => {
  const settings = { ...SETTINGS, installedApps: [] };
  expect(writePlan(plan(factsOf({}, { settings })).plan)).not.toContain("static_finders");
  // Those that cannot be loaded as yet mostly have it.
  expect(writePlan(plan(factsOf({}, { settings: undefined })).plan)).toContain("static_finders");
});

test("what is in the way is said: hosts, failures, a virtualenv that is not used", () => {
  expect(said()).toBe(
    "\n  shop  Django 5.2, Python 3.11.2 (/usr/bin/python3)\n  http://127.0.0.1:8000/\n\n" +
      "  Code is loaded anew when it changes. Static files come from Django's finders. Ctrl-C ends it.\n\n",
  );
  expect(said(factsOf({}, { settings: { ...SETTINGS, debug: true, allowedHosts: ["shop.test"] } }))).toContain(
    "ALLOWED_HOSTS does not name 127.0.0.1, so Django answers 400 there: add it in /srv/shop/settings.py.",
  );
  expect(said(factsOf({}, { settings: { ...SETTINGS, debug: false, allowedHosts: ["*"] } }))).not.toContain(
    "ALLOWED_HOSTS",
  );
  const failure = {
    what: "the settings cannot be loaded: KeyError: 'X'",
    remedy: "export X=…",
    lines: ["KeyError: 'X'"],
  };
  expect(said(factsOf({}, { settings: undefined, failure }))).toContain(
    "  the settings cannot be loaded: KeyError: 'X'\n    KeyError: 'X'\n  export X=…\n  It is tried again at each change.\n",
  );
  const { files } = machine({ [`${root}/.venv/pyvenv.cfg`]: "" });
  expect(said(factsOf(), files)).toContain(`The interpreter in ${root}/.venv cannot be run, so it is not used.`);
});

test("several projects: one has to be named", () => {
  const two = surroundingsOf({ files: { "/srv/a/manage.py": MANAGE, "/srv/b/manage.py": MANAGE } });
  expect(() => findProject(two, "/srv", undefined)).toThrow(
    "there are several projects here, a, b: say which, as in server dev a",
  );
});

test("a function that makes the application: the lines that give it a name", () => {
  const files = { "/srv/shop/__init__.py": "def create_app():\n    app = Flask(__name__)\n" };
  const project = findProject(machine(files), "/srv", undefined);
  expect(() => plan(factsOf({ project }), {}, machine(files).files)).toThrow(
    /needs it under a name; in wsgi.py[^]*:\n {4}from shop import create_app\n {4}application = create_app\(\)$/,
  );
});

test("on a narrow terminal its lines break between words", () => {
  const facts = factsOf();
  const lines = readyText(facts, plan(facts), false, 40).split("\n");
  expect(lines.filter((line) => line.length > 40)).toEqual([]);
  expect(lines.filter((line) => line !== "" && !line.startsWith("  "))).toEqual([]);
});
