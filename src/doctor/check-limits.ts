/** Limits of the kernel: the queue of connections that wait to be accepted, and open files. */
import { LISTEN_BACKLOG } from "../os/sockets.ts";
import { type Finding, notice, ok, unknown } from "./finding.ts";
import type { Check, Patient } from "./patient.ts";

/** Of kernels before 5.4, and of some providers: a burst of browsers fills it. */
const BACKLOG_MIN = 512;

/** Beside the connections of clients: listeners, logs, cached files, streams to workers. */
const OTHER_FILES = 1024;

export const LIMITS: Check = {
  name: "limits",
  run: (patient) => [backlog(patient), openFiles(patient)],
};

function backlog({ ground }: Patient): Finding {
  const path = "/proc/sys/net/core/somaxconn";
  const size = Number.parseInt(ground.files.read(path) ?? "", 10);
  if (!Number.isFinite(size)) return unknown("somaxconn", `${path} cannot be read`);
  const says = `${size} connections may wait to be accepted`;
  if (size >= BACKLOG_MIN) return ok("somaxconn", says);
  const remedy = `echo net.core.somaxconn=${LISTEN_BACKLOG} > /etc/sysctl.d/60-server.conf; sysctl --system; then server restart`;
  return notice("somaxconn", `${says}; more in one moment are refused`, remedy);
}

function openFiles({ ground, config, running }: Patient): Finding {
  const text = ground.files.read(`/proc/${running?.pid ?? "self"}/limits`) ?? "";
  const written = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text)?.[2] ?? "";
  const subject = "open files";
  // Soft limits are raised to the hard one at the start.
  const limit = written === "unlimited" ? Infinity : Number.parseInt(written, 10);
  if (Number.isNaN(limit)) return unknown(subject, "the limit cannot be read");
  const clients = config.server.limits.connectionsMax;
  // A request to an app or upstream has a second descriptor at most.
  const needed = clients + OTHER_FILES;
  if (limit >= needed)
    return ok(subject, `${limit === Infinity ? "no limit" : limit} for up to ${clients} connections`);
  return notice(
    subject,
    `${limit} for up to ${clients} connections (max_connections): at the limit new ones wait`,
    `LimitNOFILE=${needed} in the unit, ulimit -n ${needed} in a shell; or max_connections = ${Math.max(1, limit - OTHER_FILES)}`,
  );
}
