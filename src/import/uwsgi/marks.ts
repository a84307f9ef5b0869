/**
 * Environment variables that are to stay what they are: `$(NAME)` becomes a mark that nothing else contains and that comes
 * through all that is done to a value; in the end it is `$ENV{NAME}` of server.toml.
 */

const OPEN = "\uE000";
const CLOSE = "\uE001";
const MARK = /\uE000([^\uE001]*)\uE001/g;

/** Names that server.toml can refer to, with a default as a shell has it. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*(?::-[^{}]*)?$/;

export function markVariable(name: string): string | undefined {
  return NAME.test(name) ? `${OPEN}${name}${CLOSE}` : undefined;
}

export function hasMark(value: string): boolean {
  return value.includes(OPEN);
}

/** As it is written in server.toml, where `$ENV{` of its own is escaped. */
export function unmark(value: string): string {
  return value.replaceAll("$ENV{", "$$$$ENV{").replace(MARK, "$ENV{$1}");
}

/** For messages: as it stood. */
export function showMarks(value: string): string {
  return value.replace(MARK, "$($1)");
}
