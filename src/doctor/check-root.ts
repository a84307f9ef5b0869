/** Is it root who serves, without anybody having said so? Of the Python of apps check-apps tells. */
import { mayBeRoot } from "../config/reach.ts";
import { notice } from "./finding.ts";
import type { Patient } from "./patient.ts";

export const ROOT = {
  name: "root",
  /** As the start does (master/privileges.ts). */
  run: ({ config, serving }: Pick<Patient, "config" | "serving">) =>
    serving.uid !== 0 || mayBeRoot(config)
      ? []
      : [
          notice(
            "user",
            "root serves, and whoever finds a mistake in the server is root with it",
            'user = "www-data" in [server], then server restart; run_as_root = true if root is meant',
          ),
        ],
};
