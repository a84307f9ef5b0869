/** Entry point of a front's worker thread: messages of the master in, a Front behind them. */
import { monotonicMs } from "../base/clock.ts";
import type { LogLevel } from "../base/log.ts";
import type { Content } from "../cache/sibling-messages.ts";
import { Siblings } from "../cache/siblings.ts";
import { endLoop, takeLoop } from "../net/own-loop.ts";
import { keepOnly } from "../os/capabilities.ts";
import { closeHeld, holdIn } from "../os/held.ts";
import { setLogLevel } from "./error-log.ts";
import { type FromFront, handedOver, type Setup, type ToFront } from "./messages.ts";
import { Front } from "./front.ts";

declare const self: Worker;

// What the main thread keeps of root's rights is for a reload (master/privileges.ts). A server that is root stays it.
if (process.geteuid?.() !== 0) keepOnly([]);

let front: Front | undefined;
let siblings: Siblings | undefined;
let number = 0;
/** Of the configuration that is prepared. */
let nextLevel: LogLevel | undefined;

const tell = (message: FromFront) => postMessage(message);

void takeLoop();

// However it ends: of a fault, too.
process.on("exit", () => {
  endLoop();
  closeHeld();
});

self.onmessage = (event: MessageEvent<ToFront>) => {
  const message = event.data;
  switch (message.kind) {
    case "start":
      holdIn(message.held);
      number = message.front;
      siblings = makeSiblings(message.setup.config.server.fronts);
      front = new Front(message, {
        deaf: () => tell({ kind: "deaf", front: number }),
        changed: (places) => tell({ kind: "forget", front: number, places }),
        siblings,
        logged: (line, level) => tell({ kind: "logged", line, level }),
        drained: () => tell({ kind: "drained", front: number }),
        left: (keys) => tell({ kind: "left", front: number, keys }),
        retired: (pool) => tell({ kind: "retired", front: number, pool }),
      });
      break;
    case "accept":
      front?.accept();
      tell({ kind: "ready", front: number });
      break;
    case "certificates":
      front?.takeCertificates(message.certificates);
      break;
    case "prepare":
      nextLevel = message.setup.config.server.logLevel;
      tell({ kind: "prepared", front: number, problem: prepare(message.setup) });
      break;
    case "change":
      front?.change();
      if (nextLevel !== undefined) setLogLevel(nextLevel);
      tell({ kind: "changed", front: number });
      break;
    case "discard":
      front?.discard();
      break;
    case "challenges":
      front?.challenges.take(message.answers);
      break;
    case "app":
      front?.appMessage(message.pool, message.message);
      break;
    case "fault":
      if (!message.hangs) throw new Error("a fault was asked for on the control socket");
      for (;;);
    case "forget":
      front?.forget(message.places);
      break;
    case "sibling":
      siblings?.receive(message.from, message.text, message.body);
      break;
    case "lost":
      siblings?.lost(message.front);
      break;
    case "question": {
      const { question, forget } = message;
      if (front !== undefined) tell({ kind: "answer", front: number, question, answer: front.traffic(forget) });
      break;
    }
    case "deafen":
      front?.deafen();
      break;
    case "drain":
      front?.drain();
      break;
  }
};

function makeSiblings(fronts: number): Siblings {
  const post = (to: number, text: string, body: Content | undefined) =>
    postMessage({ kind: "sibling", front: number, to, text, body } satisfies FromFront, handedOver(body));
  return new Siblings({ front: number, fronts, post, now: monotonicMs });
}

/** Why it cannot be served. */
function prepare(setup: Setup): string | undefined {
  try {
    front?.prepare(setup);
    return undefined;
  } catch (error) {
    front?.discard();
    return error instanceof Error ? error.message : String(error);
  }
}
