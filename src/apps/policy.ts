/**
 * Which workers there should be: a pure function of what there is, what is wanted and what time it is. The supervisor
 * does what comes out of it, and asks again after every change. How many are wanted is scale.ts' business, which of
 * them have had their time recycle.ts'.
 *
 * Workers sit on numbered seats, one each. While one is replaced there are two on its seat: the old one serves until the
 * new one is ready, then takes no more requests.
 *
 *     starting ─▶ ready ─▶ finishing ─▶ terminated ─▶ killed         any of them may exit at any moment
 */

export type WorkerState =
  /** Spawned, importing the project. */
  | { readonly kind: "starting"; readonly sinceMs: number }
  | { readonly kind: "ready"; readonly sinceMs: number }
  /** Takes no new requests; those that it has may run until `untilMs`. */
  | { readonly kind: "finishing"; readonly sinceMs: number; readonly untilMs: number }
  /** SIGTERM was sent. */
  | { readonly kind: "terminated"; readonly sinceMs: number; readonly untilMs: number }
  /** SIGKILL was sent; its exit is awaited. */
  | { readonly kind: "killed"; readonly sinceMs: number };

export interface SeatedWorker {
  readonly seat: number;
  /** Of the code that it has imported. */
  readonly generation: number;
  readonly state: WorkerState;
  /** Why it should be replaced: `max_rss`…; undefined when it should not. */
  readonly outworn: string | undefined;
}

export interface Seat {
  /** Starts in a row that came to nothing. */
  readonly failures: number;
  /** Nothing is started here before. */
  readonly untilMs: number;
}

export interface Pool<W extends SeatedWorker> {
  readonly workers: readonly W[];
  readonly seats: readonly Seat[];
  /** How many seats should be taken. */
  readonly desired: number;
  /** Which code. Workers of an earlier one are replaced. */
  readonly generation: number;
  /** A worker of that generation has been ready. Until then only one at a time tries to import it. */
  readonly proven: boolean;
  /** There may be so many processes at once, those that leave included. */
  readonly processesMax: number;
  readonly startTimeoutMs: number;
}

export interface Plan<W> {
  /** Seats on which to start a worker now. */
  readonly spawn: readonly number[];
  /** Told to finish now, and why. */
  readonly retire: readonly { readonly worker: W; readonly why: string }[];
  /** Workers that took too long to become ready. */
  readonly overdue: readonly W[];
  readonly terminate: readonly W[];
  readonly kill: readonly W[];
  /** When to ask again if nothing happens before; undefined: nothing is due. */
  readonly nextMs: number | undefined;
}

/** A worker that was ready for this long and then died did not die of its start: the next starts at once. */
export const YOUNG_MS = 1_000;
/** Pauses between starts that fail: 1, 2, 4 … 60 s. uWSGI: 2 s (forkbomb-delay), always. */
export const BACK_OFF_MIN_MS = 1_000;
export const BACK_OFF_MAX_MS = 60_000;
/** Of the workers, replaced at a time: a quarter, but one at least. Each is a second copy of the project in memory, and
 *  an import takes processor time from the requests. uWSGI: all (reload) or one (chain-reload). */
const REPLACED_PART = 0.25;

export function decide<W extends SeatedWorker>(pool: Pool<W>, nowMs: number): Plan<W> {
  const agenda = new Agenda(nowMs);
  const occupied = occupancy(pool);
  const { overdue, terminate, kill } = pastDeadline(pool, agenda);
  const retire = [...superseded(occupied), ...surplus(occupied, pool.desired)];
  const spawn = spawnSeats(pool, occupied, agenda);
  return { spawn, retire, overdue, terminate, kill, nextMs: agenda.nextMs };
}

/** Is there anything to do? Then it has to be asked again after that. */
export function isBusy({ spawn, retire, overdue, terminate, kill }: Plan<unknown>): boolean {
  return [spawn, retire, overdue, terminate, kill].some((list) => list.length > 0);
}

/** Says what is due, and remembers when the next will be. */
class Agenda {
  readonly nowMs: number;
  nextMs: number | undefined;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  isDue(atMs: number): boolean {
    if (atMs <= this.nowMs) return true;
    this.nextMs = Math.min(this.nextMs ?? atMs, atMs);
    return false;
  }
}

/** Who is on a seat, in the order in which they were spawned; those that leave are not. */
interface Occupants<W> {
  readonly ready: W[];
  readonly starting: W[];
}

function occupancy<W extends SeatedWorker>({ workers, seats }: Pool<W>): Occupants<W>[] {
  const occupied = seats.map((): Occupants<W> => ({ ready: [], starting: [] }));
  for (const worker of workers) {
    const { kind } = worker.state;
    if (kind === "ready" || kind === "starting") occupied[worker.seat]?.[kind].push(worker);
  }
  return occupied;
}

function isTaken<W>({ ready, starting }: Occupants<W>): boolean {
  return ready.length + starting.length > 0;
}

function pastDeadline<W extends SeatedWorker>({ workers, startTimeoutMs }: Pool<W>, agenda: Agenda) {
  const overdue: W[] = [];
  const terminate: W[] = [];
  const kill: W[] = [];
  for (const worker of workers) {
    const { state } = worker;
    if (state.kind === "starting" && agenda.isDue(state.sinceMs + startTimeoutMs)) overdue.push(worker);
    if (state.kind === "finishing" && agenda.isDue(state.untilMs)) terminate.push(worker);
    if (state.kind === "terminated" && agenda.isDue(state.untilMs)) kill.push(worker);
  }
  return { overdue, terminate, kill };
}

type Retirement<W> = Plan<W>["retire"];

/** Of two ready ones on a seat the older, whose replacement is there. */
function superseded<W extends SeatedWorker>(occupied: readonly Occupants<W>[]): Retirement<W> {
  const older = occupied.flatMap(({ ready }) => ready.slice(0, -1));
  return older.map((worker) => ({ worker, why: worker.outworn ?? "reload" }));
}

/** From the last seat downwards: whoever was started last is least likely to be missed. One that starts on a seat of its
 *  own becomes ready first: a reload may wait for it, and of a project that imports for longer than `idle` none ever would. */
function surplus<W extends SeatedWorker>(occupied: readonly Occupants<W>[], desired: number): Retirement<W> {
  const left = occupied.filter(isTaken).slice(desired);
  return left.flatMap(({ ready, starting }) => {
    const gone = ready.length === 0 ? [] : [...starting, ...ready.slice(-1)];
    return gone.map((worker) => ({ worker, why: "idle" }));
  });
}

/** First the empty seats that should be taken, then the replacements. */
function spawnSeats<W extends SeatedWorker>(
  pool: Pool<W>,
  occupied: readonly Occupants<W>[],
  agenda: Agenda,
): number[] {
  const isDue = (seat: number) => agenda.isDue((pool.seats[seat] as Seat).untilMs);
  const empty = emptySeats(occupied, pool.desired).filter(isDue);
  const worn = pool.desired === 0 ? [] : wornSeats(occupied, pool.generation).filter(isDue);
  const replaced = occupied.filter(({ ready, starting }) => ready.length > 0 && starting.length > 0).length;
  const replacements = worn.slice(0, Math.max(0, replacedMax(pool.desired) - replaced));
  return [...empty, ...replacements].slice(0, Math.max(0, room(pool)));
}

/** While it is not known whether the code can be imported, one worker finds out. */
function room<W extends SeatedWorker>({ workers, generation, proven, processesMax }: Pool<W>): number {
  const free = processesMax - workers.length;
  if (proven) return free;
  const isTrying = workers.some((each) => each.generation === generation && each.state.kind === "starting");
  return isTrying ? 0 : Math.min(1, free);
}

export function replacedMax(desired: number): number {
  return Math.max(1, Math.floor(desired * REPLACED_PART));
}

/** Those to fill, from the first. A seat whose starts fail is among them, so that no other is tried in its place. */
function emptySeats<W>(occupied: readonly Occupants<W>[], desired: number): number[] {
  const empty = occupied.flatMap((seat, number) => (isTaken(seat) ? [] : [number]));
  const taken = occupied.length - empty.length;
  return empty.slice(0, Math.max(0, desired - taken));
}

/** Seats whose worker is to be replaced and is not yet: old code before old age. */
function wornSeats<W extends SeatedWorker>(occupied: readonly Occupants<W>[], generation: number): number[] {
  const seatsWhere = (isWorn: (worker: W) => boolean) =>
    occupied.flatMap(({ ready, starting }, seat) => {
      const current = ready.at(-1);
      return current !== undefined && starting.length === 0 && isWorn(current) ? [seat] : [];
    });
  const isOld = (worker: W) => worker.generation < generation;
  return [...seatsWhere(isOld), ...seatsWhere((worker) => !isOld(worker) && worker.outworn !== undefined)];
}

/** When will a worker be starting, as far as one can tell? Now: requests wait for it. Later: they are refused. An app
 *  without workers, because nobody asked for a while, starts one when somebody does. */
export function startableMs<W extends SeatedWorker>(pool: Pool<W>, nowMs: number): number {
  if (pool.workers.some((worker) => worker.state.kind === "starting")) return nowMs;
  const empty = emptySeats(occupancy(pool), Math.max(1, pool.desired));
  return Math.min(...empty.map((seat) => Math.max(nowMs, (pool.seats[seat] as Seat).untilMs)));
}

export interface BackOff {
  readonly failures: number;
  readonly delayMs: number;
}

/** What follows from the exit of a worker that was in `state` and had begun `begun` requests, after `failures` starts in a
 *  row before it that came to nothing. Who dies of its first request has started well: a URL that kills whoever serves it
 *  must not take the app away from everybody else. */
export function afterExit(state: WorkerState, begun: number, failures: number, nowMs: number): BackOff {
  const wasReady = state.kind === "ready";
  if (wasReady && (begun > 0 || nowMs - state.sinceMs >= YOUNG_MS)) return { failures: 0, delayMs: 0 };
  // Somebody may have killed it: only a second death right after the start says something about the start.
  if (wasReady && failures === 0) return { failures: 1, delayMs: 0 };
  return { failures: failures + 1, delayMs: Math.min(BACK_OFF_MIN_MS * 2 ** failures, BACK_OFF_MAX_MS) };
}
