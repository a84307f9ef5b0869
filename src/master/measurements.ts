/** Everything that can be measured of the server, of one moment: for metrics, the status page and `server top`. */
import type { FrontTraffic } from "../front/traffic.ts";
import type { Measured } from "./metrics.ts";
import type { ServerStatus } from "./status.ts";
import { trafficStatus } from "./traffic-status.ts";
import { TrafficTotals } from "./traffic-totals.ts";

export interface MeasurementSources {
  readonly status: () => ServerStatus;
  readonly traffic: (forget?: string) => Promise<readonly FrontTraffic[]>;
}

export class Measurements {
  private readonly sources: MeasurementSources;
  private readonly totals = new TrafficTotals();

  constructor(sources: MeasurementSources) {
    this.sources = sources;
  }

  async measure(): Promise<Measured> {
    const answers = await this.sources.traffic();
    const { routes, lostLogLines } = this.totals.add(answers);
    const sum = (state: "idle" | "active") => answers.reduce((all, { connections }) => all + connections[state], 0);
    return {
      status: this.sources.status(),
      traffic: trafficStatus(answers),
      routes,
      connections: { idle: sum("idle"), active: sum("active") },
      lostLogLines,
      rssBytes: process.memoryUsage.rss(),
    };
  }
}
