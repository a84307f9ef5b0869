/** `server top`: what a running server does, live, as uwsgitop shows it. What stands on the page is top-view.ts. */
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Terminal } from "./command.ts";
import type { Key, Screen } from "./screen.ts";
import type { Sample } from "./top-rates.ts";
import type { Sort, View, WorkerRow } from "./top-view.ts";

const INTERVAL_MS = 1000;
const INTERVAL_MS_MIN = 100;
const INTERVAL_MS_MAX = 3_600_000;

export const TOP: Command = {
  name: "top",
  summary: "Watch what a running server does",
  usage: "[-c FILE] [--interval DURATION]",
  doc:
    "Requests and their times, connections, memory, each worker with what it runs since when, queues, upstreams. Keys: q quits, p " +
    "pauses, s sorts by something else, the arrows choose a worker, r loads the code of its app anew, Enter shows where its " +
    "Python threads are.",
  options: {
    config: CONFIG_OPTION,
    interval: {
      type: "string",
      short: "i",
      value: "DURATION",
      doc: 'Between two looks, such as "500ms"; "1s" unless given.',
    },
  },
  positionalsMax: 0,
  async run(given, terminal) {
    const { configurationPath } = await import("./configuration.ts");
    const { parseDuration } = await import("../base/units.ts");
    const written = given.options["interval"];
    const intervalMs = typeof written === "string" ? parseDuration(written) : INTERVAL_MS;
    if (intervalMs === undefined || intervalMs < INTERVAL_MS_MIN || intervalMs > INTERVAL_MS_MAX) {
      terminal.stderr(`server top: --interval ${String(written)} should be a duration from 100ms to 1h\n`);
      return EXIT_USAGE;
    }
    if (terminal.screen === undefined) {
      terminal.stderr("server top: needs a terminal; server status says the same once\n");
      return EXIT_FAILED;
    }
    return watch(configurationPath(given, terminal), intervalMs, terminal);
  },
};

/** Until q. A server that does not run at all is no page. */
async function watch(file: string, intervalMs: number, terminal: Terminal): Promise<number> {
  const { ask, NoAnswer } = await import("./control-client.ts");
  const views = await import("./top-view.ts");
  const question = (request: object) => ask(file, request, () => {});
  try {
    const top = new Top(question, views, terminal.colour.stdout);
    await top.look();
    const screen = terminal.screen?.(
      (key) => top.struck(key),
      () => top.draw(),
    );
    if (screen === undefined) return EXIT_FAILED;
    try {
      await top.show(screen, intervalMs);
    } finally {
      screen.close();
    }
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    terminal.stderr(`server: ${error.message}\n`);
    return EXIT_FAILED;
  }
}

type Question = (request: object) => Promise<object>;

class Top {
  private readonly ask: Question;
  private readonly views: typeof import("./top-view.ts");
  private readonly colour: boolean;
  private readonly over = Promise.withResolvers<void>();
  private screen: Screen | undefined;
  private before: Sample | undefined;
  private now: Sample | undefined;
  private sort: Sort = "number";
  private isPaused = false;
  private selected: number | undefined;
  private message = "";
  /** In the place of the page, until a key. */
  private other: { readonly title: string; readonly lines: readonly string[] } | undefined;

  constructor(ask: Question, views: typeof import("./top-view.ts"), colour: boolean) {
    this.ask = ask;
    this.views = views;
    this.colour = colour;
  }

  /** Throws NoAnswer. */
  async look(): Promise<void> {
    const measured = (await this.ask({ command: "measure" })) as Sample["measured"];
    const sample = { atMs: performance.now(), measured };
    // One that began anew has nothing in common with the one before.
    this.before = this.now?.measured.status.pid === measured.status.pid ? this.now : sample;
    this.now = sample;
  }

  async show(screen: Screen, intervalMs: number): Promise<void> {
    this.screen = screen;
    this.draw();
    const timer = setInterval(() => void this.turn(), intervalMs);
    await this.over.promise;
    clearInterval(timer);
  }

  private async turn(): Promise<void> {
    if (this.isPaused) return;
    try {
      await this.look();
      if (this.message.startsWith(SILENT)) this.message = "";
    } catch (error) {
      this.message = `${SILENT}: ${(error as Error).message}`;
    }
    this.draw();
  }

  draw(): void {
    const { screen, before, now } = this;
    if (screen === undefined || before === undefined || now === undefined) return;
    if (this.other !== undefined)
      return screen.draw(this.views.otherPage(this.other.title, this.other.lines, this.view));
    const rows = this.rows;
    if (!rows.some(({ worker }) => worker.pid === this.selected)) this.selected = rows[0]?.worker.pid;
    screen.draw(this.views.page(before, now, this.view));
  }

  private get view(): View {
    const { columns = 80, rows = 24 } = this.screen ?? {};
    const { sort, isPaused, selected, message, colour } = this;
    return { columns, rows, colour, sort, isPaused, selected, message };
  }

  /** Workers that have a process, as they stand on the page. */
  private get rows(): WorkerRow[] {
    const { before, now, sort } = this;
    if (before === undefined || now === undefined) return [];
    return this.views.workerRows(before, now, sort).filter(({ worker }) => worker.pid);
  }

  struck(key: Key): void {
    if (key === "q" || key === "interrupt") return this.over.resolve();
    if (this.other !== undefined) this.other = undefined;
    else this.obey(key);
    this.draw();
  }

  private obey(key: Key): void {
    switch (key) {
      case "p":
      case " ":
        this.isPaused = !this.isPaused;
        break;
      case "s": {
        const { SORTS } = this.views;
        this.sort = SORTS[(SORTS.indexOf(this.sort) + 1) % SORTS.length] ?? "number";
        break;
      }
      case "up":
      case "k":
        this.move(-1);
        break;
      case "down":
      case "j":
        this.move(1);
        break;
      case "r":
        void this.reload();
        break;
      case "enter":
        void this.stacks();
        break;
      case "?":
      case "h":
        this.other = { title: "server top", lines: HELP };
    }
  }

  private move(by: number): void {
    const { rows } = this;
    const at = rows.findIndex(({ worker }) => worker.pid === this.selected);
    this.selected = rows[Math.min(rows.length - 1, Math.max(0, at + by))]?.worker.pid;
  }

  private get chosen(): WorkerRow | undefined {
    return this.rows.find(({ worker }) => worker.pid === this.selected);
  }

  private async reload(): Promise<void> {
    const app = this.chosen?.app;
    if (app === undefined) return this.say("there is no app to reload");
    this.say(`${app}: loading the code anew`);
    try {
      const { apps } = (await this.ask({ command: "reload", apps: [app] })) as { apps: readonly Reloaded[] };
      const [outcome] = apps;
      if (outcome?.ok === true) return this.say(`${app}: ${outcome.replaced} replaced in ${outcome.tookMs} ms`);
      this.other = {
        title: `${app}: the new code cannot be imported, the old goes on`,
        lines: linesOf(outcome?.traceback),
      };
      this.say("");
    } catch (error) {
      this.say((error as Error).message);
    }
  }

  private async stacks(): Promise<void> {
    const { app, worker } = this.chosen ?? {};
    if (app === undefined || worker?.pid === undefined) return this.say("there is no worker to ask");
    this.say(`asking worker ${worker.number} of ${app}`);
    try {
      const answer = await this.ask({ command: "stacks", app, pid: worker.pid });
      const { threads } = answer as { threads: readonly Busy[] };
      const lines = threads.flatMap(({ what, runningMs, lines: stack }) => [headOf(what, runningMs), ...stack, ""]);
      const title = `app ${app}, worker ${worker.number} (pid ${worker.pid}): the innermost call first`;
      this.other = { title, lines: lines.length === 0 ? ["all threads are idle"] : lines };
      this.say("");
    } catch (error) {
      this.say((error as Error).message);
    }
  }

  private say(message: string): void {
    this.message = message;
    this.draw();
  }
}

const SILENT = "the server does not answer";

interface Reloaded {
  readonly ok: boolean;
  readonly replaced: number;
  readonly tookMs: number;
  readonly traceback?: string;
}

interface Busy {
  readonly what?: string | null;
  readonly runningMs?: number | null;
  readonly lines: readonly string[];
}

function headOf(what: Busy["what"], runningMs: Busy["runningMs"]): string {
  if (!what) return "a thread of the application:";
  return `${what}, for ${((runningMs ?? 0) / 1000).toFixed(1)} s:`;
}

function linesOf(text = ""): string[] {
  return text.trimEnd().split("\n");
}

/** In 80 columns. */
const HELP = [
  "q, ^C      quits",
  "p, space   stops looking, or goes on",
  "s          sorts workers by number, requests, what runs longest, memory, or",
  "           requests ever handled",
  "↑ ↓, k j   chooses a worker",
  "r          loads the code of its app anew",
  "Enter      shows where its Python threads are",
  "",
  "p50, p95, p99: within this time 50, 95 and 99 of a hundred requests were",
  "answered since the last look, from their first byte to the last of the reply.",
];
