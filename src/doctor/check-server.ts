/** Does a server run with this configuration, and is it this one? */
import { version } from "../../package.json";
import { formatDuration } from "../base/units.ts";
import { notice, ok, problem } from "./finding.ts";
import type { Finding } from "./finding.ts";
import type { Patient } from "./patient.ts";

export const SERVER = {
  name: "server",
  /** Also beside a configuration that cannot be used: then what runs has read another one. */
  run: ({ running }: Pick<Patient, "running">): Finding[] => {
    if (running === undefined)
      return [notice("server", "none runs with this configuration", "server start, or server service install")];
    if (running.state !== "serving")
      return [problem("server", `pid ${running.pid} is ${running.state}`, "server logs tells what it waits for")];
    const age = formatDuration(Math.floor(running.uptimeMs / 1000) * 1000);
    const says = `runs, pid ${running.pid}, for ${age}`;
    if (running.version === version) return [ok("server", says)];
    return [notice("server", `${says}, but as version ${running.version}; this is ${version}`, "server restart")];
  },
};
