import { describe, expect, test } from "bun:test";
import type { TunnelEnd, TunnelOptions } from "../../src/exchange/tunnel.ts";
import type { ReplyHead } from "../../src/protocol/http/message.ts";
import { makeProxyHandler } from "../../src/proxy/handler.ts";
import type { UpstreamOptions } from "../../src/proxy/options.ts";
import { type FakeRequest, fakeExchange } from "../support/exchange.ts";
import { rig, type Rig, startScripted, type Visit } from "../support/scripted-upstream.ts";
import { until, within } from "../support/wait.ts";

interface Upgraded {
  readonly head: ReplyHead;
  readonly server: TunnelEnd;
  readonly options: TunnelOptions;
}

/** What the upstream was asked, and what became of its answer. */
async function ask(request: FakeRequest, answer: string, change: Partial<UpstreamOptions> = {}) {
  const script = (visit: Visit) => {
    if (visit.heads === 1) visit.send(answer);
  };
  const server = startScripted(script);
  const made = rig([server.port], change);
  try {
    return { ...(await run(made, request)), asked: server.visits[0]?.text ?? "", visits: server.visits, made };
  } finally {
    server.stop();
    made.upstream.close();
  }
}

async function run({ upstream }: Rig, request: FakeRequest) {
  const { exchange, reply } = fakeExchange(request);
  let upgraded: Upgraded | undefined;
  const upgrader = {
    offered: false,
    upgrade: (head: ReplyHead, server: TunnelEnd, options: TunnelOptions) => {
      upgraded = { head, server, options };
      return { close: () => {} };
    },
  };
  exchange.upgrader = upgrader;
  makeProxyHandler(upstream, { temporaryDirectory: "/tmp" })(exchange);
  const over = until("switch", 5000, () => upgraded);
  await within("an answer", 5000, Promise.race([reply.over, over]));
  const active = upstream.peers[0]?.active;
  upgraded?.options.over("ended");
  return { upgraded, reply, offered: upgrader.offered, active, after: upstream.peers[0]?.active, exchange };
}

const SWITCH = "HTTP/1.1 101 Fine\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: b\r\nX-Accel-Expires: 5\r\n\r\n";
const PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("an offer is made anew for the hop, and a 101 gives the connection away", async () => {
  const fields = [["Sec-WebSocket-Key", "x"]] as const;
  const { asked, upgraded, active, after, exchange } = await ask({ upgrade: "websocket", fields }, `${SWITCH}first`);
  expect(asked).toContain("\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
  expect(asked).toContain("\r\nSec-WebSocket-Key: x\r\n");
  expect(upgraded?.head.fields.pairs()).toEqual([
    ["X-A", "b"],
    ["Upgrade", "websocket"],
  ]);
  expect([upgraded?.head.status, upgraded?.head.reason]).toEqual([101, "Fine"]);
  expect(Buffer.from(upgraded?.server.early ?? []).toString()).toBe("first");
  // As long as the tunnel lives the server has one more request.
  expect([active, after]).toEqual([1, 0]);
  expect(exchange.upstreamAttempts?.[0]).toMatchObject({ status: 101 });
});

test.each([
  ["h2c", ""],
  ["h2c, websocket", "websocket"],
  ["HTTP/2.0", ""],
  ["TLS/1.0, http/1.1, H2C", ""],
  ["websocket, chat/2", "websocket, chat/2"],
  ["bad name, a/b/c, ok", "ok"],
])("of Upgrade: %s what may pass is offered: %p", async (upgrade, offered) => {
  const { asked, reply, offered: told } = await ask({ upgrade }, PLAIN);
  if (offered === "") expect(asked).not.toMatch(/^(?:upgrade|connection):/im);
  else expect(asked).toContain(`\r\nUpgrade: ${offered}\r\nConnection: upgrade\r\n`);
  expect(told).toBe(offered !== "");
  expect([reply.status, reply.text]).toEqual([200, "ok"]);
});

describe("a 101 that answers no offer is no reply", () => {
  test.each([
    ["nobody asked", {}, SWITCH],
    ["another protocol", { upgrade: "chat" }, SWITCH],
    ["one of two was not asked for", { upgrade: "websocket" }, SWITCH.replace("websocket", "websocket, h2c")],
    ["none is named", { upgrade: "websocket" }, "HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n"],
  ] as const)("%s", async (_, request, answer) => {
    const { reply, upgraded } = await ask(request, answer);
    expect(upgraded).toBeUndefined();
    expect(reply.status).toBe(502);
  });
});

test.each([
  ["upgrade = false", { upgrade: "websocket" }, { upgrade: false }],
  ["content", { upgrade: "websocket", method: "POST", body: [Buffer.from("x")] }, {}],
])("nothing is offered with %s", async (_, request, options) => {
  const { asked, reply, offered } = await ask(request, PLAIN, options);
  expect(asked).not.toMatch(/^upgrade:/im);
  expect([reply.status, offered]).toEqual([200, false]);
});
