/** As whom the project runs that root sets up: whoever finds a mistake in it has the rights of that user. */
import type { Answers, Choice, ChoiceQuestion } from "./question.ts";
import { hasApp } from "./questions-app.ts";
import type { Seen } from "./seen.ts";

export const ROOT_USER = "root";

/** The project's owner is not asked about, and a unit has a user of its own. */
export function askUser(seen: Seen, answers: Answers): ChoiceQuestion | undefined {
  const isOpen = seen.machine.host.account.uid === 0 && answers.unit !== "yes" && hasApp(seen, answers);
  if (!isOpen || (seen.owner !== undefined && answers.user === undefined)) return undefined;
  const { webUser } = seen;
  const hint = webUser?.reaches === true ? "may read it, and nothing more" : "cannot read the project as it is";
  const choices: Choice[] = [
    ...(webUser === undefined ? [] : [{ value: webUser.name, label: webUser.name, hint }]),
    { value: ROOT_USER, label: ROOT_USER, hint: "a mistake in the project is then one of root's" },
  ];
  const reached = webUser?.reaches === true ? webUser.name : undefined;
  const why = ["You are root, and the project belongs to root."];
  return {
    id: "user",
    kind: "choice",
    message: "As which user does it run?",
    why,
    choices,
    initial: seen.wasRoot ? ROOT_USER : (reached ?? ROOT_USER),
    // Root for a project's code is nobody's default, where nobody has agreed to it.
    ...(reached === undefined && !seen.wasRoot && { unasked: "" }),
    open: refuseUser(seen),
  };
}

function refuseUser({ files }: Seen): (text: string) => string | undefined {
  const names = (files.read("/etc/passwd") ?? "").split("\n").map((line) => line.split(":", 1)[0]);
  return (text) =>
    text !== "" && names.includes(text) ? undefined : `is ${JSON.stringify(text)}, which is no user of this machine`;
}

/** The same, also as a service, which has the user that `server service install` takes. */
export function servingUser(seen: Seen, answers: Answers): string | undefined {
  if (answers.unit !== "yes") return userOf(seen, answers);
  return seen.owner?.name ?? seen.webUser?.name;
}

/** Undefined: the server stays who starts it. */
export function userOf(seen: Seen, answers: Answers): string | undefined {
  if (answers.unit === "yes" || answers.import === "yes" || !hasApp(seen, answers)) return undefined;
  const { owner } = seen;
  return answers.user ?? (owner === undefined ? undefined : (owner.name ?? String(owner.uid)));
}
