/** The Python side of the channel, embedded as text: what a worker reads from a descriptor and runs. */
import { writeSync } from "node:fs";
import { openTemporary } from "../os/temporary.ts";
import controlText from "./python/control.py" with { type: "text" };
import fileText from "./python/file.py" with { type: "text" };
import libraryText from "./python/library.py" with { type: "text" };
import loadText from "./python/load.py" with { type: "text" };
import loanText from "./python/loan.py" with { type: "text" };
import processText from "./python/process.py" with { type: "text" };
import providedText from "./python/provided.py" with { type: "text" };
import streamText from "./python/stream.py" with { type: "text" };
import decoratorsText from "./python/uwsgidecorators.py" with { type: "text" };
import storeText from "./python/uwsgi_store.py" with { type: "text" };
import uwsgiText from "./python/uwsgi.py" with { type: "text" };
import uwsgiWorkerText from "./python/uwsgi_worker.py" with { type: "text" };
import workerText from "./python/worker.py" with { type: "text" };
import wsgiText from "./python/wsgi.py" with { type: "text" };
import zygoteText from "./python/zygote.py" with { type: "text" };

/** Python runs this. Each module comes after those that it imports, and `server_worker` does not return. What is only
 *  provided is run when somebody imports it (provided.py). The texts are not kept, in every worker, for the lines of
 *  tracebacks: those show names and numbers of our files. */
export const BOOTSTRAP = `import json, os, sys, types
source = sys.modules["server_source"] = types.ModuleType("server_source")
def define(module, text):
    file = module.__file__ = "<server %s.py>" % module.__name__.replace("server_", "")
    exec(compile(text, file, "exec"), module.__dict__)
def begin():
    modules, source.provided = json.loads(os.pread(7, 1 << 20, 0))
    while modules:
        name = next(iter(modules))
        module = sys.modules["server_" + name] = types.ModuleType("server_" + name)
        define(module, modules.pop(name))
source.define = define
begin()
`;

/** In the order of their imports. */
const MODULES = {
  loan: loanText,
  stream: streamText,
  file: fileText,
  wsgi: wsgiText,
  process: processText,
  control: controlText,
  load: loadText,
  library: libraryText,
  zygote: zygoteText,
  provided: providedText,
  uwsgi_worker: uwsgiWorkerText,
  worker: workerText,
};

const PROVIDED = {
  uwsgi: uwsgiText,
  uwsgidecorators: decoratorsText,
  server_uwsgi_store: storeText,
};

/** A descriptor of a file without a name that holds them; it is the caller's to close. */
export function openSource(temporaryDirectory: string): number {
  const fd = openTemporary(temporaryDirectory);
  writeSync(fd, JSON.stringify([MODULES, PROVIDED]));
  return fd;
}
