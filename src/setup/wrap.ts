/** Text in columns: broken at spaces, words that are longer at the edge. Widths are those a terminal shows. */

export function wrapText(text: string, columns: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, Math.max(8, columns)));
}

/** What is indented stays so in its continuations. */
function wrapLine(line: string, columns: number): string[] {
  if (Bun.stringWidth(line) <= columns) return [line];
  const indent = /^ */.exec(line)?.[0].slice(0, columns >> 1) ?? "";
  const lines: string[] = [];
  let current = indent;
  for (const word of line.trim().split(/ +/)) {
    const joined = current === indent ? current + word : `${current} ${word}`;
    if (Bun.stringWidth(joined) <= columns) {
      current = joined;
      continue;
    }
    if (current !== indent) lines.push(current);
    let rest = word;
    while (Bun.stringWidth(indent + rest) > columns) {
      lines.push(indent + rest.slice(0, columns - indent.length));
      rest = rest.slice(columns - indent.length);
    }
    current = indent + rest;
  }
  return [...lines, current];
}

export function clipText(text: string, columns: number): string {
  return Bun.stringWidth(text) <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
