/** The uwsgi module in a real worker. What real uWSGI answers to the same calls was seen with uWSGI 2.0.21. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Rig } from "./rig.ts";

setDefaultTimeout(60_000);

async function start(preload: boolean, processes = 2): Promise<Rig> {
  const rig = new Rig({ module: "uwsgi_probe", processes, threads: 2, preload });
  await rig.supervisor.start();
  return rig;
}

async function say(rig: Rig, expression: string): Promise<string> {
  return (await rig.get({ path: "/", query: encodeURIComponent(expression) })).reply.text;
}

describe.each([false, true])("preload = %p", (preload) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await start(preload);
  });
  afterAll(() => rig.close());

  const answers: [string, string][] = [
    ["uwsgi.numproc", "2"],
    ["uwsgi.cores", "2"],
    ["uwsgi.opt['threads']", "b'2'"],
    ["uwsgi.opt['processes']", "b'2'"],
    ["uwsgi.opt.get('lazy-apps')", preload ? "None" : "True"],
    ["sentry_says_threads_work()", "True"],
    ["uwsgi.worker_id() in (1, 2)", "True"],
    ["uwsgi.masterpid()", String(process.pid)],
    ["uwsgi.mypid() == os.getpid()", "True"],
    ["uwsgi.request_id() <= uwsgi.total_requests()", "True"],
    ["sorted(each['id'] for each in uwsgi.workers())", "[1, 2]"],
    ["b'busy' in [each['status'] for each in uwsgi.workers()]", "True"],
    ["[each['rss'] > 4 << 20 for each in uwsgi.workers()]", "[True, True]"],
    ["uwsgi.mem()[0] > 4 << 20", "True"],
    ["uwsgi.version_info[:2]", "(2, 0)"],
    ["uwsgi.log('a line of the application'), uwsgi.logsize()", "(True, 0)"],
    ["hasattr(uwsgi, 'websocket_handshake')", "False"],
    ["uwsgi.spool", "AttributeError: uwsgi.spool is not provided by this server: run a task queue such as Celery"],
    ["uwsgi.add_cron(1)", "is not provided by this server: use [cron.NAME]"],
    ["uwsgi.async_sleep(1)", "a request has a Python thread of its own"],
    ["decorate_with('timer')", "uwsgidecorators.timer is not provided by this server: use [cron.NAME]"],
    ["decorate_with('spool')", "uwsgidecorators.spool is not provided by this server: run a task queue"],
    ["uwsgi.lock(64)", "ValueError: Invalid lock number 64"],
    ["short()", "'done'"],
    ["later().join(), THREAD_RAN[:1]", "(None, [1])"],
  ];
  for (const [expression, answer] of answers) {
    test(expression, async () => expect(await say(rig, expression)).toContain(answer));
  }

  test("what was to be done after the fork was done once, in each worker", async () => {
    const expected = ["[('decorated', 1), ('hook', 1)]", "[('decorated', 2), ('second', 2), ('hook', 2)]"];
    const seen = new Set<string>();
    while (seen.size < 2) {
      const each = await say(rig, "FORKED");
      expect(expected).toContain(each);
      seen.add(each);
    }
  });

  test("the cache is one for all workers", async () => {
    const calls: [string, string][] = [
      ["uwsgi.cache_get('a')", "None"],
      ["uwsgi.cache_set('a', b'b')", "True"],
      ["uwsgi.cache_set('a', b'c')", "None"],
      ["uwsgi.cache_get(b'a')", "b'b'"],
      ["uwsgi.cache_exists('a')", "True"],
      ["uwsgi.cache_update('a', 'text')", "True"],
      ["uwsgi.cache_get('a')", "b'text'"],
      ["uwsgi.cache_get('a', 'another')", "None"],
      ["uwsgi.cache_keys()", "[b'a']"],
      ["uwsgi.cache_del('a'), uwsgi.cache_del('a')", "(True, None)"],
      ["uwsgi.cache_inc('n', 5), uwsgi.cache_dec('n'), uwsgi.cache_num('n')", "(True, True, 4)"],
      [
        "uwsgi.cache_set('short', b'x', 1), uwsgi.cache_get('short'), time.sleep(1.1), uwsgi.cache_get('short')",
        "(True, b'x', None, None)",
      ],
      ["uwsgi.cache_set('big', b'x' * (5 << 20)), uwsgi.cache_get('n') is not None", "(None, True)"],
      ["uwsgi.cache_clear(), uwsgi.cache_keys()", "(True, [])"],
    ];
    for (const [expression, answer] of calls) {
      const said = await say(rig, expression);
      expect(`${expression} ${said}`).toBe(`${expression} ${answer}`);
    }
  });

  test("a lock is held by one thread of one worker", async () => {
    await say(rig, "uwsgi.cache_clear()");
    const rounds = Array.from({ length: 60 }, () => say(rig, "count()"));
    const counts = (await Promise.all(rounds)).map(Number).toSorted((a, b) => a - b);
    expect(counts).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(await say(rig, "uwsgi.is_locked()")).toBe("False");
  });
});

test("set_user_harakiri ends the request, though request_timeout is far away", async () => {
  const rig = await start(false, 1);
  try {
    const { reply } = await rig.get({ path: "/", query: "for_ever()" });
    // The head goes out with the first content, of which there is none.
    expect(reply.head?.status).toBe(504);
    await rig.until(() => /for_ever\(\) ran for .* \(request_timeout\)/.test(rig.log));
    await rig.until(() => rig.supervisor.status().workers.some((worker) => worker.state === "ready"));
    expect(await say(rig, "short()")).toBe("'done'");
  } finally {
    await rig.close();
  }
});

test("uwsgi.reload() replaces the workers, and the request that asks is answered", async () => {
  const rig = await start(false, 1);
  try {
    const before = await say(rig, "os.getpid()");
    expect(await say(rig, "uwsgi.reload()")).toBe("True");
    await rig.until(() => rig.log.includes("reload done"));
    expect(await say(rig, "os.getpid()")).not.toBe(before);
    expect(rig.log).toContain("uwsgi.reload() in worker 1");
  } finally {
    await rig.close();
  }
});
