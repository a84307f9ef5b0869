/**
 * Applications as they are, against the pair that `server` replaces: two Django views (a plain one, and a template page
 * with a query), a megabyte streamed, a megabyte uploaded, and what one of eight sleeping threads costs the others. What
 * is measured, and how, stands in duel.ts.
 *
 *   bun scripts/bench/apps.ts --seconds 3 --rounds 3 --rows hello,page,stream,upload,sleeper
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chooseDjango } from "../sample/django.ts";
import { prepareProject, PROJECT } from "../sample/prepare.ts";
import { run } from "../sample/run.ts";
import { makeFolder, removeFolder, ROOT } from "../../test/support/folder.ts";
import { Load } from "../../test/support/load.ts";
import { WSGI_FOLDER } from "../../test/support/toml.ts";
import type { Answer } from "../../test/support/wire.ts";
import { type Contender, duel, inspect, measure, median, type Rounds, type Row } from "./duel.ts";
import { type Project, requirements, startBoth } from "./pair.ts";

const MEGABYTE = 1024 * 1024;
const ENTRIES = 10;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    rows: { type: "string", default: "hello,page,stream,upload,sleeper" },
  },
});

const wanted = new Set(values.rows.split(","));

const holds = (text: string) => (answer: Answer) =>
  answer.body.includes(text) ? undefined : `"${text}" is not in ${answer.body.subarray(0, 200).toString()}`;

const DJANGO: Readonly<Record<string, Row>> = {
  hello: {
    name: "Django, a plain view",
    path: "/hello/",
    connections: 32,
    wrong: holds("Hello, World!"),
    bar: { perSecond: 1 },
  },
  page: {
    name: "Django, a template page with a query",
    path: "/",
    connections: 32,
    wrong: holds(`visitor ${ENTRIES - 1}`),
    bar: { perSecond: 1 },
  },
};

const PLAIN: Readonly<Record<string, Row>> = {
  stream: {
    name: "1 MB streamed in 64 KiB pieces",
    path: "/stream",
    connections: 16,
    wrong: ({ body }) => (body.length === MEGABYTE ? undefined : `${body.length} bytes`),
    bar: { perSecond: 1 },
  },
  upload: {
    name: "1 MB uploaded and read",
    path: "/upload",
    body: Buffer.alloc(MEGABYTE, "u"),
    connections: 16,
    wrong: holds(String(MEGABYTE)),
    bar: { perSecond: 1 },
  },
};

/** Fewer connections than threads, so that a request waits only if it has to. */
const NEIGHBOURS: Row = { name: "p99", path: "/", connections: 4, wrong: holds("hello"), bar: { perSecond: 1 } };
/** p99 beside a sleeping thread, of the undisturbed one. */
const P99_BAR = 1.5;

async function sleeper(contenders: readonly Contender[], how: Rounds): Promise<void> {
  console.log(`\np99 of others while one of eight threads sleeps (at most ${P99_BAR} × the undisturbed)`);
  for (const contender of contenders) {
    await inspect(contender, NEIGHBOURS);
    await measure(contender, NEIGHBOURS, { ...how, seconds: 1 });
  }
  const found = new Map(contenders.map(({ name }) => [name, { calm: [] as number[], disturbed: [] as number[] }]));
  for (let round = 0; round < how.rounds; round++) {
    for (const contender of contenders) {
      const { calm, disturbed } = found.get(contender.name) as { calm: number[]; disturbed: number[] };
      calm.push((await measure(contender, NEIGHBOURS, how)).p99Ms);
      disturbed.push(await beside(contender, how));
    }
  }
  for (const [name, { calm, disturbed }] of found) {
    const [before, after] = [median(calm), median(disturbed)];
    const figures = `${before.toFixed(2)} ms undisturbed, ${after.toFixed(2)} ms beside`;
    console.log(`  ${name.padEnd(14)}${figures}  ${(after / before).toFixed(2)} ×`);
  }
}

async function beside(contender: Contender, how: Rounds): Promise<number> {
  const address = { host: "127.0.0.1", port: contender.port };
  const request = () => "GET /sleep HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const asleep = new Load({ address, connections: 1, request });
  const { p99Ms } = await measure(contender, NEIGHBOURS, how);
  const { statuses, failures } = await asleep.stop();
  if (failures.length > 0 || Object.keys(statuses).join() !== "200")
    throw new Error(`${contender.name}: the sleeping request failed: ${JSON.stringify({ statuses, failures })}`);
  return p99Ms;
}

/** The sample project with Debian's Django, which uWSGI's interpreter has too, and a page to show. */
function djangoProject(folder: string): Project {
  const django = chooseDjango("debian", console.log);
  const data = join(ROOT, ".build/bench", django.source);
  prepareProject(django, data, console.log);
  const fill = `from guestbook.models import Entry
Entry.objects.all().delete()
for number in range(${ENTRIES}): Entry.objects.create(name="visitor %d" % number, message="A line about the weather.")`;
  const filled = run([django.python, "manage.py", "shell", "-c", fill], { cwd: PROJECT, env: { MYSITE_DATA: data } });
  if (filled.code !== 0) throw new Error(`the sample's pages could not be filled:\n${filled.stderr}`);
  return { folder, root: PROJECT, module: "mysite.wsgi", env: { MYSITE_DATA: data } };
}

async function withBoth(project: Project, use: (contenders: readonly Contender[]) => Promise<void>): Promise<void> {
  const running = await startBoth(project);
  try {
    await use(running);
  } finally {
    for (const contender of running) await contender.stop();
  }
}

async function main(): Promise<void> {
  const missing = requirements();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("bench");
  const how = { rounds: Number(values.rounds), seconds: Number(values.seconds), folder };
  const rowsOf = (rows: Readonly<Record<string, Row>>) => Object.keys(rows).filter((name) => wanted.has(name));
  try {
    if (rowsOf(DJANGO).length > 0) {
      await withBoth(djangoProject(folder), async (contenders) => {
        for (const name of rowsOf(DJANGO)) await duel(contenders, DJANGO[name] as Row, how);
      });
    }
    await withBoth({ folder, root: WSGI_FOLDER, module: "rows" }, async (contenders) => {
      for (const name of rowsOf(PLAIN)) await duel(contenders, PLAIN[name] as Row, how);
      if (wanted.has("sleeper")) await sleeper(contenders, how);
    });
  } finally {
    removeFolder(folder);
  }
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
