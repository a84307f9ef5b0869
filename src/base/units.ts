/**
 * Durations and sizes as people write them: `"1h30m"`, `"250ms"`, `"16KiB"`, `"100MB"`. To milliseconds and bytes, and
 * back to the shortest exact text. A number without a unit is seconds or bytes, as in nginx.
 *
 *   durations  y w d h m s ms, as in nginx (a year is 365 days; nginx's `M`, months, is not known), largest first
 *   sizes      K M G T and KiB MiB GiB TiB are powers of 1024 (K, M and G as in nginx and uWSGI);
 *              KB MB GB TB are powers of 1000 (SI). Case does not matter.
 */

const DURATION_UNITS = [
  ["y", 365 * 86_400_000],
  ["w", 7 * 86_400_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  gb: 1000 ** 3,
  t: 1024 ** 4,
  tib: 1024 ** 4,
  tb: 1000 ** 4,
};

/** Milliseconds; undefined when `text` is not a duration or is beyond what a number holds exactly. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+$/.test(text)) return exact(Number(text) * 1000);
  const found = DURATION.exec(text);
  if (found === null || text === "") return undefined;
  let total = 0;
  DURATION_UNITS.forEach(([, scale], i) => (total += Number(found[i + 1] ?? 0) * scale));
  return exact(total);
}

/** Bytes; undefined when `text` is not a size or is beyond what a number holds exactly. */
export function parseSize(text: string): number | undefined {
  const found = /^(\d+) ?([a-z]*)$/i.exec(text);
  const scale = SIZE_UNITS[(found?.[2] ?? "?").toLowerCase()];
  if (found === null || scale === undefined) return undefined;
  return exact(Number(found[1]) * scale);
}

/** The shortest exact text: 5400000 → `1h30m`, 0 → `0s`. */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = "";
  for (const [unit, scale] of DURATION_UNITS.slice(2)) {
    const count = Math.floor(rest / scale);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * scale;
  }
  return text === "" ? "0s" : text;
}

/** In the largest binary unit that divides it: 65536 → `64KiB`, 1000 → `1000B`. */
export function formatSize(bytes: number): string {
  for (const [unit, scale] of [
    ["TiB", 1024 ** 4],
    ["GiB", 1024 ** 3],
    ["MiB", 1024 ** 2],
    ["KiB", 1024],
  ] as const) {
    if (bytes >= scale && bytes % scale === 0) return `${bytes / scale}${unit}`;
  }
  return `${bytes}B`;
}

function exact(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}
