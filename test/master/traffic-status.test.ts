import { expect, test } from "bun:test";
import { trafficStatus } from "../../src/master/traffic-status.ts";

const SERVER = { address: "a:1", backup: false, active: 1, idle: 2, requests: 3, failures: 1 };
const CACHE = { name: "s /", hits: 1, misses: 2, bypassed: 3, entries: 4, bytes: 5, diskEntries: 6, diskBytes: 7 };

test("what several fronts say of the same upstream and route is added up", () => {
  const answer = (state: "ready" | "marked") => ({
    caches: [CACHE],
    upstreams: [{ name: "u", servers: [{ ...SERVER, state }] }],
    forgotten: 0,
    front: 0,
    since: 0,
    routes: [],
    connections: { idle: 0, active: 0 },
    lostLogLines: 0,
  });
  expect(trafficStatus([answer("ready"), answer("marked"), answer("ready")])).toEqual({
    upstreams: [
      {
        name: "u",
        servers: [
          {
            address: "a:1",
            backup: false,
            active: 3,
            idle: 6,
            requests: 9,
            failures: 3,
            fronts: { ready: 2, marked: 1 },
          },
        ],
      },
    ],
    caches: [{ name: "s /", hits: 3, misses: 6, bypassed: 9, entries: 12, bytes: 15, diskEntries: 18, diskBytes: 21 }],
  });
});

test("nobody's answer is no upstream and no cache", () => {
  expect(trafficStatus([])).toEqual({ upstreams: [], caches: [] });
});
