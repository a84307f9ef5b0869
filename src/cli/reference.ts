/** docs/commands.md, from the table of commands: `make docs`. */
import { HELP_OPTION } from "./arguments.ts";
import { type Command, flagsOf } from "./command.ts";

export function commandsMarkdown(commands: readonly Command[]): string {
  const sections = commands.map(({ name, usage, summary, doc, options }) => {
    const rows = Object.entries({ ...options, help: HELP_OPTION }).map(
      ([long, option]) =>
        `- ${[...flagsOf(long, option).slice(0, -1), `--${long}${option.value === "" ? "" : ` ${option.value}`}`]
          .map((flag) => `\`${flag}\``)
          .join(", ")}: ${option.doc}\n`,
    );
    return `## ${name}\n\n\`\`\`\n${`server ${name} ${usage}`.trimEnd()}\n\`\`\`\n\n${`${summary}. ${doc}`}\n\n${rows.join("")}`;
  });
  return `# The commands of server

Exit codes: 0 done, 1 failed, 2 usage or configuration. \`server man\` prints this as a manual page, \`server completion\` what
shells complete it with. This page is generated from the table of commands in src/cli.

${sections.join("\n")}`;
}
