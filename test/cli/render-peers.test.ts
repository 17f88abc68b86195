import { expect, test } from "vitest";
import { renderPeers } from "../../src/cli/render-peers.ts";

const PEER = {
  id: "ab".repeat(32),
  host: "box2",
  address: "192.168.1.11:8481",
  found: "mdns" as const,
  distfiles: 300,
  received: 2048,
  sent: 0,
  faults: 1,
  since: "2026-11-21T10:00:00.000Z",
  problem: "its TCP port 8481 is closed: open it in its firewall",
};

test("a peer is a line that ends in what is wrong with it, behind the id that swarm.deny wants", () => {
  const [head, line] = renderPeers({ peers: [PEER] }, Date.parse("2026-11-21T10:05:00.000Z")).split("\n");
  expect(head).toMatch(/^ {2}box +address +found +holds +got +given +here for +id, for swarm.deny$/);
  expect(line).toMatch(
    /^ {2}box2 +192\.168\.1\.11:8481 +mdns +300 distfiles +2\.00 KiB +0 B +5 min.* (ab){32} +its TCP port 8481 is closed: open it in its firewall; 1 fault$/,
  );
});

test("who was refused is told in words, by reason", () => {
  const rejected = { no_proof: 0, wrong_proof: 3, outside: 1 };
  expect(renderPeers({ peers: [], rejected, turned_away: 2 })).toBe(
    "no other box is here: distswarm invite shows how to add one\n" +
      "refused: 3 with a wrong network key, 1 from outside swarm.networks, 2 at the blob port\n",
  );
});

test("of those who were refused the last is told with its address, and of swarm.peers who is not reached", () => {
  const swarm = {
    peers: [],
    rejected: { wrong_proof: 3 },
    last_rejected: { wrong_proof: { at: "2026-11-21T10:00:00.123Z", address: "10.0.0.7" } },
    static: [{ address: "nas:8481", problem: "TCP nas:8481: no answer" }, { address: "box2:8481" }],
  };
  expect(renderPeers(swarm)).toBe(
    "no other box is here: distswarm invite shows how to add one\n" +
      "swarm.peers: nas:8481: TCP nas:8481: no answer\n" +
      "refused: 3 with a wrong network key (last from 10.0.0.7 at 2026-11-21T10:00:00Z)\n",
  );
});

test("a box that looks for no other one says why, not how to add one", () => {
  expect(renderPeers({ peers: [], unoffered: "this box has no IPv4 address" })).toBe(
    "no other box is here, and none is looked for: this box has no IPv4 address\n",
  );
});

test("a box that has no swarm says why, not how to add another one", () => {
  expect(renderPeers({ peers: [], problem: "the native parts of the swarm do not load" })).toBe(
    "the native parts of the swarm do not load\nno other box is here\n",
  );
});
