/** The parts of uWSGI's own reading that golden files do not show one by one. */
import { describe, expect, test } from "bun:test";
import { SourceFile } from "../../../src/import/source.ts";
import { findCommands } from "../../../src/import/uwsgi/command-file.ts";
import { readCommandLine } from "../../../src/import/uwsgi/command-line.ts";
import { isYes } from "../../../src/import/uwsgi/given.ts";
import { readIni } from "../../../src/import/uwsgi/ini.ts";
import { magicTable, replaceMagic } from "../../../src/import/uwsgi/magic.ts";
import { markVariable, showMarks, unmark } from "../../../src/import/uwsgi/marks.ts";
import { optionNames, SHORT_NAMES, valueRule } from "../../../src/import/uwsgi/option-names.ts";
import {
  EndlessPlaceholder,
  evaluatePlaceholder,
  leadingNumber,
  replacePlaceholders,
} from "../../../src/import/uwsgi/placeholders.ts";
import { remarkOn } from "../../../src/import/uwsgi/remarks.ts";
import { thisSurroundings } from "../../../src/import/uwsgi/surroundings.ts";

const around = {
  ...thisSurroundings({ cwd: "/start", environment: {}, executable: "/bin/uwsgi" }, undefined),
  cores: 4,
  hostname: "web1",
};

function ini(text: string, section = "uwsgi") {
  const complaints: string[] = [];
  const file = new SourceFile("x.ini", "/x/x.ini", text);
  const { options, sections } = readIni(file, section, (_, directive) => complaints.push(directive));
  return { options: options.map(({ key, value }) => [key, value]), sections, complaints };
}

describe("the ini form", () => {
  test("blanks are taken off, a line without = is a key, and a value goes on to the end of its line", () => {
    const { options } = ini("[uwsgi]\n \t a \t = b = c ; d \r\nmaster true\n=x\nempty =\n");
    const expected = [
      ["a", "b = c ; d"],
      ["master true", ""],
      ["", "x"],
      ["empty", ""],
    ];
    expect(options).toEqual(expected);
  });

  test("sections of one name are one, others are left out, and what stands before the first counts for none", () => {
    const { options, sections } = ini("a=1\n[uwsgi]\nb=2\n[dev]\nc=3\n[uwsgi]\nd=4");
    expect(options).toEqual([
      ["b", "2"],
      ["d", "4"],
    ]);
    expect(sections).toEqual(["uwsgi", "dev", "uwsgi"]);
  });

  test("only a line that begins with ; or # is a comment", () => {
    expect(ini("[uwsgi]\n;a=1\n  # b=2\nc=3 # 4").options).toEqual([["c", "3 # 4"]]);
  });

  test.each(["<<<<<<< HEAD", "=======", ">>>>>>> other", "||||||| base"])("%s is left of a merge", (mark) => {
    expect(ini(`[uwsgi]\n${mark}\na=1`)).toMatchObject({ complaints: [mark], options: [["a", "1"]] });
  });

  test("no text makes it fail", () => {
    const letters = "[]=;#uwsgi\n\r\t %<>";
    for (let seed = 1; seed < 500; seed++) {
      const random = (n: number) => Math.floor(Math.abs(Math.sin(seed * 131 + n) * 1e6)) % letters.length;
      const text = Array.from({ length: 40 }, (_, index) => letters[random(index)]).join("");
      for (const [key = "", value = ""] of ini(text).options) expect(`${key}${value}`).not.toContain("\n");
    }
  });
});

describe("placeholders", () => {
  const values: Readonly<Record<string, string>> = { a: "1", b: "%(a)2", path: "/srv", n: "7x" };
  const lookUp = (body: string) => evaluatePlaceholder(body, (name) => values[name]);

  test.each([
    ["%(a)", "1"],
    ["x%(b)y", "x12y"],
    ["%(nobody)/%(path)", "%(nobody)//srv"],
    ["%()%(a", "%()%(a"],
    ["%(a a)", "11"],
    ["%(a + 2 * 10)", "30"],
    ["%(a - 3)", "-2"],
    ["%(n / 2)", "3"],
    ["%(a / 0)", "0"],
    ["%(a ++ ++)", "3"],
    ["%(a --)", "0"],
    ["%", "%"],
  ])("%s is %s", (text, expected) => {
    expect(replacePlaceholders(text, "%", lookUp)).toBe(expected);
  });

  test("brackets inside belong to it, and one that stands for itself ends", () => {
    expect(replacePlaceholders("@(exec://echo $(date) x)", "@", (body) => `[${body}]`)).toBe("[exec://echo $(date) x]");
    expect(() => replacePlaceholders("$(A)", "$", () => "$(A)")).toThrow(EndlessPlaceholder);
  });

  test("numbers are what a text begins with", () => {
    expect(["4 # four", " -2", "30s", "x", ""].map(leadingNumber)).toEqual([4, -2, 30, 0, 0]);
  });
});

describe("magic variables", () => {
  test("of a file, of the first file, of the process", () => {
    const first = magicTable({ name: "main.ini", path: "/etc/site/main.ini" }, "", around);
    const table = magicTable({ name: "parts/x.y.ini", path: "/etc/site/parts/x.y.ini" }, "dev", around, first);
    const text = "%d|%p|%s|%n|%e|%c|%x|%0|%1|%D|%N|%o|%O|%v|%k|%h|%%|%(a)|%z|%";
    expect(replaceMagic(text, table)).toBe(
      "/etc/site/parts/|/etc/site/parts/x.y.ini|x.y.ini|x.y|ini|parts|dev|etc|site|/etc/site/|main|parts/x.y.ini|main.ini|/start|4|web1|%|%(a)||%",
    );
  });
});

function commandLine(text: string) {
  const file = new SourceFile("c", "/c", text);
  const complaints: string[] = [];
  const words = text.split(" ").map((word) => ({ text: word, origin: file.at(0) }));
  const { options, files } = readCommandLine(words, (_, directive, sentence) =>
    complaints.push(`${directive}: ${sentence}`),
  );
  return { options: options.map(({ key, value }) => [key, value]), files: files.map((each) => each.text), complaints };
}

describe("a command line", () => {
  test("long and short options, in one word or two, bundled, cut short, and files", () => {
    const { options, files, complaints } = commandLine(
      "--socket :1 --chdir=/x -H venv -Mp4 -C664 -C --pidfil x site.ini [uwsgi] -- -y.ini",
    );
    expect(complaints).toEqual(["--pidfil: could be --pidfile, --pidfile2…; did you mean --pidfile?"]);
    const expected = [
      ["socket", ":1"],
      ["chdir", "/x"],
      ["home", "venv"],
      ["master", undefined],
      ["processes", "4"],
      ["chmod-socket", "664"],
      ["chmod-socket", undefined],
    ];
    expect(options).toEqual(expected);
    expect(files).toEqual([]);
    expect(commandLine("-p 2 --harakiri-v a.ini [uwsgi] -- -y.ini")).toMatchObject({
      options: [
        ["processes", "2"],
        ["harakiri-verbose", undefined],
      ],
      files: ["a.ini", "-y.ini"],
    });
  });

  test.each([
    ["--nothing-such 1", "is no option of uWSGI"],
    ["--master=1", "takes no value"],
    ["-$", "-$ is no option"],
    ["--socket", "needs a value"],
  ])("%s is refused", (text, why) => {
    expect(commandLine(text).complaints.join()).toContain(why);
  });
});

describe("files that have a command line in them", () => {
  const words = (text: string) =>
    findCommands(new SourceFile("f", "/f", text)).map((command) => command.words.map((word) => word.text));

  test.each([
    ["exec sudo -E FOO=1 /opt/bin/uwsgi --ini 'a b.ini' # no\n", [["--ini", "a b.ini"]]],
    ["ExecStart=-/usr/bin/uwsgi \\\n  --ini x.ini\n", [["--ini", "x.ini"]]],
    ['CMD ["uwsgi", "--http", ":80"]', [["--http", ":80"]]],
    ["CMD uwsgi --http :$PORT && echo x", [["--http", ":$(PORT)"]]],
    ['uwsgi --env "A=${B} \\"c\\""', [["--env", 'A=$(B) "c"']]],
    ["echo uwsgi --ini x", []],
    ["# uwsgi --ini x\npip install uwsgi", []],
    ["uwsgi_pass 127.0.0.1:1;", []],
  ])("%j", (text, expected) => {
    expect(words(text)).toEqual(expected);
  });
});

test("booleans say yes unless they say no", () => {
  const says = (value: string | undefined) => isYes({ key: "x", value, origin: new SourceFile("", "", "").at(0) });
  expect([undefined, "", "true", "1", "anything", "false # x"].map(says)).toEqual([true, true, true, true, true, true]);
  expect(["false", "FALSE", "off", "No", "0"].map(says)).toEqual([false, false, false, false, false]);
  expect(isYes(undefined)).toBe(false);
});

test("variables come through as references, and text that looks like one is escaped", () => {
  const mark = markVariable("HOME") ?? "";
  expect(unmark(`${mark}/x $ENV{Y}`)).toBe("$ENV{HOME}/x $$ENV{Y}");
  expect(showMarks(mark)).toBe("$(HOME)");
  expect(markVariable("not a name")).toBeUndefined();
});

describe("the tables", () => {
  test("have the options that everyone uses, with their letters", () => {
    for (const name of ["socket", "http", "module", "wsgi-file", "harakiri", "cheaper", "py-autoreload", "gevent"])
      expect([name, valueRule(name)]).toEqual([name, "required"]);
    expect(valueRule("master")).toBe("none");
    expect(valueRule("vaccum")).toBeUndefined();
    for (const name of Object.values(SHORT_NAMES)) expect(optionNames()).toContain(name);
    expect(new Set(optionNames()).size).toBe(optionNames().length);
  });

  test("remark only on what is an option", () => {
    const all = optionNames();
    const remarked = all.filter((name) => remarkOn(name) !== undefined);
    expect(remarked.length).toBeGreaterThan(300);
    expect(remarkOn("socket")).toBeUndefined();
    expect(remarkOn("route-if")?.verdict).toBe("changes-meaning");
    // Nothing that clients see.
    expect(remarkOn("stats")?.verdict).toBe("harmless");
  });
});
