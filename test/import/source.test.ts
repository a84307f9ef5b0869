import { describe, expect, test } from "bun:test";
import { caretFrame, showOrigin, SourceFile } from "../../src/import/source.ts";

describe("SourceFile", () => {
  const file = new SourceFile("a.conf", "/etc/a.conf", "\uFEFFuser www;\r\n\tlisten 80\nend");

  test("counts lines and columns from 1, without the byte order mark", () => {
    expect(file.positionOf(0)).toEqual({ line: 1, column: 1 });
    expect(file.positionOf(file.text.indexOf("listen"))).toEqual({ line: 2, column: 2 });
    expect(file.positionOf(file.text.length)).toEqual({ line: 3, column: 4 });
    expect(showOrigin(file.at(file.text.indexOf("80")))).toBe("a.conf:2");
  });

  test("shows a line with a caret under what is meant, tabs left as they are", () => {
    expect(caretFrame(file.at(file.text.indexOf("80"), 2))).toBe("2 | \tlisten 80\n  | \t       ^^\n");
  });

  test("shows of a very long line the part around the place", () => {
    const long = new SourceFile("b", "/b", `${"x".repeat(500)}?${"y".repeat(500)}`);
    const [shown = "", carets = ""] = caretFrame(long.at(500)).split("\n");
    expect(shown.length).toBeLessThan(200);
    expect(shown[carets.indexOf("^")]).toBe("?");
  });
});
