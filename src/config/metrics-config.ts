/** [metrics] in the configuration. */
import type { ListenAddress } from "./config.ts";

export interface MetricsConfig {
  readonly address: ListenAddress;
  readonly token: string | undefined;
}
