/** Paths below a project's root, as its settings would write them. */
import { dirname, join } from "node:path";

/** A Python expression: in the manner of the file, when its BASE_DIR is the root by all that can be seen. */
export function pathInSettings(root: string, file: string, text: string, below: string): string {
  const depth = /^BASE_DIR\s*=\s*Path\(__file__\)\.resolve\(\)((?:\.parent)+)\s*$/m.exec(text)?.[1]?.split(".parent");
  if (depth !== undefined && up(file, depth.length - 1) === root) return `BASE_DIR / ${JSON.stringify(below)}`;
  const dirnames = /^BASE_DIR\s*=\s*((?:os\.path\.dirname\()+)os\.path\.abspath\(__file__\)/m.exec(text)?.[1];
  if (dirnames !== undefined && up(file, dirnames.split("dirname").length - 1) === root)
    return `os.path.join(BASE_DIR, ${JSON.stringify(below)})`;
  return JSON.stringify(join(root, below));
}

function up(path: string, levels: number): string {
  return levels === 0 ? path : up(dirname(path), levels - 1);
}
