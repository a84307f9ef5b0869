/** Whole numbers that a bench is given by name: ROUNDS, SECONDS. A typo is not to be measured with. */

/** More is not meant: a whole run with it would take days. */
const COUNT_MAX = 1000;

/** Throws with the name and what it should be. */
export function readCount(name: string, text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= COUNT_MAX) return count;
  throw new Error(`${name} is ${JSON.stringify(text)}; it should be a whole number from 1 to ${COUNT_MAX}`);
}
