/** New connections that resume a TLS session. A row of files.ts has wrk open them, which resumes as it can. */
import { handshakes } from "../load/handshakes.ts";
import { FILE_BYTES } from "../scenes/scene.ts";
import { cpuMs } from "../subject.ts";
import { inspect } from "./closed.ts";
import { CPU, hasLength, type Metric, REQUESTS, type Row } from "./row.ts";

const PATH = "/1k";
const CLIENTS = 4;
const RESUMED: Metric = { key: "resumed", title: "of them resumed", better: "more", digits: 2 };

export const HANDSHAKE_ROWS: readonly Row[] = [
  {
    id: "tls-resumed",
    title: "HTTPS: a connection for each request, sessions are resumed",
    group: "files",
    scene: "tls",
    needs: "tls",
    metrics: [CPU, REQUESTS, RESUMED],
    judgedBy: [CPU.key],
    bar: { key: "cpuUs", atMost: 1.11 },
    note: "Our fronts have ticket keys of their own: of N fronts one resumes a session, the others shake hands anew",
    check: (subject) => inspect(subject, { path: PATH, wrong: hasLength(FILE_BYTES["1k"]) }),
    measure: async (subject, { seconds }) => {
      const before = cpuMs(subject);
      const { port } = subject.place;
      const { connections, resumed } = await handshakes({
        port,
        path: PATH,
        seconds: Math.ceil(seconds),
        clients: CLIENTS,
      });
      const cpuUs = ((cpuMs(subject) - before) * 1000) / connections;
      return { cpuUs, perSecond: connections / Math.ceil(seconds), resumed: resumed / connections, errors: 0 };
    },
  },
];
