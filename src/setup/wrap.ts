/** Text in columns: broken at spaces, words that are longer at the edge. Widths are those a terminal shows. */

export function wrapText(text: string, columns: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, Math.max(8, columns)));
}

/** What is indented stays so in its continuations, and so does what stands behind a dash, an arrow or a number. */
function wrapLine(line: string, columns: number): string[] {
  if (Bun.stringWidth(line) <= columns) return [line];
  const [head = ""] = /^ *(?:(?:-|->|\d+\.) )?/.exec(line) ?? [];
  const indent = " ".repeat(Math.min(head.length, columns >> 1));
  const room = columns - indent.length;
  const lines: string[] = [];
  const start = () => (lines.length === 0 && head.length === indent.length ? head : indent);
  let words = "";
  for (const word of line.slice(head.length).trim().split(/ +/)) {
    const joined = words === "" ? word : `${words} ${word}`;
    if (Bun.stringWidth(joined) <= room) {
      words = joined;
      continue;
    }
    if (words !== "") lines.push(start() + words);
    let rest = word;
    while (Bun.stringWidth(rest) > room) {
      lines.push(start() + rest.slice(0, room));
      rest = rest.slice(room);
    }
    words = rest;
  }
  return [...lines, start() + words];
}

export function clipText(text: string, columns: number): string {
  return Bun.stringWidth(text) <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
