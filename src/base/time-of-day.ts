/** The time of day in the zone of this machine, as logs write it. */

/** `17:41:43` */
export function clockOf(when: Date): string {
  return `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}`;
}

/** `7` is `07`. */
export function two(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}
