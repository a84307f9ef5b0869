/**
 * Variables that `set` gives another value under a condition, as those of maintenance pages and mobile sites: which value
 * they have when. A test of such a variable is a test of the conditions under which it has the value that is asked for, and
 * so it is written down:
 *
 *   set $mobile 0;                                            $mobile is 1 when
 *   if ($http_user_agent ~* iphone) { set $mobile 1; }          $http_user_agent ~* iphone
 *   if ($cookie_desktop = 1) { set $mobile 0; }                 and $cookie_desktop != 1
 *
 * Not here: variables that have one value (variables.ts).
 */

/** Under all of these conditions, as rules have them, the variable has this value, which holds no variable. */
export interface State {
  readonly when: readonly string[];
  readonly value: string;
}

/** Of each variable, which exclude each other; undefined when they are too many, or a value is not known beforehand. */
export type States = Map<string, readonly State[] | undefined>;

/** Four conditions after each other have them. */
const STATES_MAX = 16;

/** `set $name value` when `conditions` holds: alternatives, of which each is a list of what all has to hold. */
export function assign(states: States, name: string, written: string, condition: string | undefined): void {
  const before = states.has(name) ? states.get(name) : [{ when: [], value: "" }];
  const after = before?.flatMap((state): State[] => {
    const value = written.replace(new RegExp(`\\$(?:${name}\\b|\\{${name}\\})`, "g"), state.value);
    if (condition === undefined) return [{ when: state.when, value }];
    if (value === state.value) return [state];
    return [
      { when: [...state.when, condition], value },
      { when: [...state.when, negated(condition)], value: state.value },
    ];
  });
  const isKnown = after !== undefined && after.length <= STATES_MAX && after.every(({ value }) => !value.includes("$"));
  states.set(name, isKnown ? merged(after) : undefined);
}

/** Without a condition all of them have the same value. */
function merged(states: readonly State[]): readonly State[] {
  const [first] = states;
  return first !== undefined && states.every(({ value }) => value === first.value)
    ? [{ when: [], value: first.value }]
    : states;
}

/** The variable that a condition is about: `$mobile` of `$mobile = 1`. */
export function subjectOf(word: string): string {
  return /^\$\{?(\w+)\}?$/.exec(word)?.[1] ?? "";
}

/** When a test of the variable holds, as lists of conditions; empty: never. */
export function alternatives(states: readonly State[], test: (value: string) => boolean): string[][] {
  return states.filter(({ value }) => test(value)).map(({ when }) => [...when]);
}

/** `operator` and `right` as in `if`; without an operator a value counts that is neither empty nor 0. */
export function testOf(
  operator: string | undefined,
  right: string,
  regex: RegExp | undefined,
): (value: string) => boolean {
  const isNegative = operator?.startsWith("!") === true;
  if (operator === undefined) return (value) => value !== "" && value !== "0";
  if (regex !== undefined) return (value) => regex.test(value) !== isNegative;
  return (value) => (value === right) !== isNegative;
}

/** The condition that holds when this one does not. */
export function negated(condition: string): string {
  const [, sign, test] = /^(!?)(-[fdex] .*)$/s.exec(condition) ?? [];
  if (test !== undefined) return sign === "!" ? test : `!${test}`;
  const [, left, operator = "", right] = /^(\S+) (=|!=|!?~\*?)( .*|)$/s.exec(condition) ?? [];
  if (left === undefined) return `${condition} ~ ^0?$`;
  const other = operator.startsWith("!") ? operator.slice(1) : `!${operator}`;
  return `${left} ${other}${right}`;
}
