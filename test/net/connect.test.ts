import { expect, test } from "bun:test";
import { showAddress } from "../../src/net/connect-address.ts";
import { connect } from "../../src/net/connect.ts";
import { listen } from "../../src/net/listen.ts";
import { testWay } from "./ways.ts";

testWay({ name: "Bun's sockets", listen, connect });

test("addresses are shown as people write them", () => {
  expect(showAddress({ kind: "tcp", host: "::1", port: 80 })).toBe("[::1]:80");
  expect(showAddress({ kind: "unix", path: "/run/a.sock" })).toBe("unix:/run/a.sock");
});
