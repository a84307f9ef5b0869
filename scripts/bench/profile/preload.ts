/** Runs before the sources of the server: front threads get the sampler, which stands beside this file. */
import { fileURLToPath } from "node:url";

const sampler = fileURLToPath(new URL("./sampler.ts", import.meta.url));
const Plain = globalThis.Worker;

globalThis.Worker = class extends Plain {
  constructor(url: string | URL, options: WorkerOptions = {}) {
    super(url, { ...options, preload: [sampler] });
  }
};
