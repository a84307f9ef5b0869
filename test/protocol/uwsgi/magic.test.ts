import { describe, expect, test } from "bun:test";
import { checkMagicVariables, type LoadedProject } from "../../../src/protocol/uwsgi/magic.ts";

const byModule: LoadedProject = {
  root: "/srv/site",
  wsgi: { kind: "module", module: "mysite.wsgi", callable: "application" },
  python: "/srv/site/.venv/bin/python",
  env: { DJANGO_SETTINGS_MODULE: "mysite.settings" },
};
const byFile: LoadedProject = {
  ...byModule,
  wsgi: { kind: "file", file: "/srv/site/mysite/wsgi.py", callable: "application" },
};

const check = (name: string, value: string, loaded = byModule) => checkMagicVariables(new Map([[name, value]]), loaded);

describe("accepted, since it names the project that is loaded", () => {
  const cases: readonly (readonly [name: string, value: string])[] = [
    ["UWSGI_SCRIPT", "mysite.wsgi"],
    ["UWSGI_SCRIPT", "mysite.wsgi:application"],
    ["UWSGI_SCRIPT", "mysite/wsgi.py"],
    ["UWSGI_MODULE", "mysite.wsgi"],
    ["UWSGI_MODULE", "mysite.wsgi:application"],
    ["UWSGI_FILE", "/srv/site/mysite/wsgi.py"],
    ["UWSGI_FILE", "/srv/site//mysite/./wsgi.py"],
    ["UWSGI_CALLABLE", "application"],
    ["UWSGI_CHDIR", "/srv/site"],
    ["UWSGI_CHDIR", "/srv/site/"],
    ["UWSGI_PYHOME", "/srv/site/.venv"],
    ["UWSGI_HOME", "/srv/site/.venv/"],
    ["UWSGI_SETENV", "DJANGO_SETTINGS_MODULE=mysite.settings"],
    ["UWSGI_SCHEME", "https"],
    ["UWSGI_APPID", "main"],
    ["UWSGI_SCRIPT", ""],
    ["REQUEST_METHOD", "GET"],
    ["HTTP_UWSGI_SCRIPT", "os:system"],
  ];
  test.each(cases)("%s %s", (name, value) => {
    expect(check(name, value)).toBeUndefined();
    expect(check(name, value, byFile)).toBeUndefined();
  });
});

describe("refused by name", () => {
  const cases: readonly (readonly [name: string, value: string])[] = [
    ["UWSGI_SCRIPT", "other.wsgi"],
    ["UWSGI_SCRIPT", "mysite.wsgi:other"],
    ["UWSGI_SCRIPT", "/srv/other/mysite/wsgi.py"],
    ["UWSGI_MODULE", "os"],
    ["UWSGI_FILE", "/etc/passwd"],
    ["UWSGI_FILE", "/srv/site/../site/mysite/wsgi.py"],
    ["UWSGI_FILE", "exec://id"],
    ["UWSGI_FILE", "http://evil.example/x.py"],
    ["UWSGI_CALLABLE", "app"],
    ["UWSGI_CHDIR", "/srv"],
    ["UWSGI_CHDIR", "/srv/site/mysite"],
    ["UWSGI_CHDIR", "srv/site/x"],
    ["UWSGI_PYHOME", "/tmp/venv"],
    ["UWSGI_SETENV", "DJANGO_SETTINGS_MODULE=evil"],
    ["UWSGI_SETENV", "LD_PRELOAD=/tmp/x.so"],
    ["UWSGI_SETENV", "toString"],
    ["UWSGI_SCHEME", "gopher"],
    ["UWSGI_SOMETHING_NEW", "1"],
    ["UWSGI_", "1"],
  ];
  test.each(cases)("%s %s", (name, value) => {
    const refusal = check(name, value);
    expect(refusal?.name).toBe(name);
    expect(refusal?.message).toContain(`${name} "${value}"`);
    expect(check(name, value, byFile)?.name).toBe(name);
  });

  test("one among good ones", () => {
    const variables = new Map([
      ["UWSGI_SCRIPT", "mysite.wsgi"],
      ["UWSGI_CHDIR", "/"],
    ]);
    expect(checkMagicVariables(variables, byModule)?.name).toBe("UWSGI_CHDIR");
  });
});
