/** As whom runs what root sets up: whoever finds a mistake in it, or in the server, has the rights of that user. */
import type { Answers, Choice, ChoiceQuestion } from "./question.ts";
import { hasApp } from "./questions-app.ts";
import type { Seen } from "./seen.ts";

export const ROOT_USER = "root";

/** What is begun here, and not as imported files have it. */
function isOwn(seen: Seen, answers: Answers): boolean {
  return answers.import !== "yes" && (seen.facts !== undefined || answers.kind === "proxy");
}

/** The project's owner is not asked about, and a unit has a user of its own. */
export function askUser(seen: Seen, answers: Answers): ChoiceQuestion | undefined {
  const isOpen = seen.machine.host.account.uid === 0 && answers.unit !== "yes" && isOwn(seen, answers);
  if (!isOpen || (seen.owner !== undefined && answers.user === undefined)) return undefined;
  const { webUser } = seen;
  const words = wordsFor(seen, answers);
  const hint = webUser?.reaches === true ? words.reaches : words.misses;
  const choices: Choice[] = [
    ...(webUser === undefined ? [] : [{ value: webUser.name, label: webUser.name, hint }]),
    { value: ROOT_USER, label: ROOT_USER, hint: `a mistake in ${words.mistaken} is then one of root's` },
  ];
  const reached = webUser?.reaches === true ? webUser.name : undefined;
  return {
    id: "user",
    kind: "choice",
    message: "As which user does it run?",
    why: [words.why],
    choices,
    initial: seen.wasRoot ? ROOT_USER : (reached ?? ROOT_USER),
    // Root for a project's code is nobody's default, where nobody has agreed to it.
    ...(reached === undefined && !seen.wasRoot && { unasked: "" }),
    open: refuseUser(seen),
  };
}

interface Words {
  readonly why: string;
  readonly reaches: string;
  readonly misses: string;
  readonly mistaken: string;
}

function wordsFor(seen: Seen, answers: Answers): Words {
  const reaches = "may read it, and nothing more";
  if (hasApp(seen, answers)) {
    const why = "You are root, and the project belongs to root.";
    return { why, reaches, misses: "cannot read the project as it is", mistaken: "the project" };
  }
  const mistaken = "the server";
  if (seen.facts === undefined) {
    const why = "You are root, and forwarding needs none of root's rights.";
    return { why, reaches: "may reach the other server, and nothing more", misses: "may not use its socket", mistaken };
  }
  const why = "You are root, and the folder belongs to root.";
  return { why, reaches, misses: "cannot read the folder as it is", mistaken };
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
  if (answers.unit === "yes" || !isOwn(seen, answers)) return undefined;
  const { owner } = seen;
  return answers.user ?? (owner === undefined ? undefined : (owner.name ?? String(owner.uid)));
}
