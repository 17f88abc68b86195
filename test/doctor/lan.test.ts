import { describe, expect, test } from "vitest";
import { healthyBox } from "./box.ts";
import { finding, peer, swarm, testBroken } from "./broken.ts";

const HOUR_MS = 3_600_000;

describe("doctor finds it, and names the mend, when", () => {
  testBroken([
    [
      "a peer cannot reach our port",
      "ports",
      (box) => swarm(box, { port: { open: ["h3"], closed: ["h2"] } }),
      finding("fail", "h2 cannot reach TCP port 8481 of this box", "open 8481/tcp and 8481/udp"),
    ],
    [
      "the swarm listens where no other box is",
      "ports",
      (box) => (box.config["swarm"] = { listen: "127.0.0.1:8481" }),
      finding("warn", "no other box can reach that", "0.0.0.0:8481"),
    ],
    [
      "multicast does not pass",
      "multicast",
      (box) => peer(box, { found: "static" }),
      finding("warn", "no peer was heard by multicast", "open 5353/udp"),
    ],
    [
      "a peer's port is closed",
      "peers",
      (box) => peer(box, { problem: "TCP port 8481 is closed: open it in the firewall of h2" }),
      finding("warn", "h2: TCP port 8481 is closed", "distswarm doctor on h2"),
    ],
    [
      "a peer runs another version",
      "peers",
      (box) => peer(box, { version: "9.9.9" }),
      finding("warn", "h2 runs 9.9.9", "upgrade"),
    ],
    [
      "a box speaks the protocol of another version",
      "peers",
      (box) => swarm(box, { last_rejected: { other_protocol: { at: new Date().toISOString(), address: "10.0.0.3" } } }),
      finding("warn", "a box at 10.0.0.3 speaks the protocol of another version", "upgrade"),
    ],
    [
      "a box does not keep to the protocol of this version",
      "peers",
      (box) => swarm(box, { last_rejected: { rule: { at: new Date().toISOString(), address: "10.0.0.3" } } }),
      finding("warn", "a box at 10.0.0.3 broke the protocol", "upgrade"),
    ],
    [
      "a box of swarm.peers is not reached",
      "peers",
      (box) => swarm(box, { static: [{ address: "nas:8481", problem: "TCP nas:8481: getaddrinfo ENOTFOUND nas" }] }),
      finding("warn", "nas:8481 of swarm.peers: TCP nas:8481: getaddrinfo ENOTFOUND nas", "distswarm join"),
    ],
    [
      "this box has no address on a LAN",
      "peers",
      (box) => swarm(box, { peers: [], addresses: [], unoffered: "this box has no IPv4 address" }),
      finding("warn", "no other box is looked for: this box has no IPv4 address", "swarm.networks"),
    ],
    [
      "this box has an old network key",
      "peers",
      (box) =>
        swarm(box, {
          peers: [],
          last_rejected: { wrong_proof: { at: new Date().toISOString(), address: "10.0.0.2" } },
        }),
      finding("warn", "a box at 10.0.0.2 has another network key", "distswarm join"),
    ],
    [
      "there is no swarm",
      "peers",
      (box) => swarm(box, { problem: "no network" }),
      finding("warn", "there is no swarm: no network", "log"),
    ],
  ]);

  test("a box of swarm.peers is not reached, and whoever comes has another network key", async () => {
    const box = await healthyBox();
    const lost = { address: "nas:8481", problem: "no answer" };
    const last = { wrong_proof: { at: new Date().toISOString(), address: "10.0.0.2" } };
    swarm(box, { peers: [], static: [lost], last_rejected: last });
    expect(await box.finding("peers")).toEqual(finding("warn", "nas:8481 of swarm.peers: no answer", "distswarm join"));
  });
});

describe("what is well is not blamed:", () => {
  test("multicast that does not pass, where it is off", async () => {
    const box = await healthyBox();
    box.config["swarm"] = { multicast: false };
    peer(box, { found: "static" });
    expect((await box.finding("multicast")).verdict).toBe("ok");
  });

  test("the network key of a box that said nothing: a firewall keeps it from hearing this one", async () => {
    const box = await healthyBox();
    swarm(box, { peers: [], last_rejected: { silent: { at: new Date().toISOString(), address: "10.0.0.2" } } });
    expect((await box.finding("peers")).verdict).toBe("unchecked");
  });

  test("a box with another network key, where there are peers: it may be in a network of its own", async () => {
    const box = await healthyBox();
    swarm(box, { last_rejected: { wrong_proof: { at: new Date().toISOString(), address: "10.0.0.7" } } });
    expect((await box.finding("peers")).verdict).toBe("ok");
  });

  test("a port that peers have reached, though none has fetched from it", async () => {
    const box = await healthyBox();
    swarm(box, { port: { open: ["h3"], closed: [] } });
    box.status = { ...box.status, uploaded: { requests: 0, bytes: 0 } };
    expect(await box.finding("ports")).toEqual({ verdict: "ok", seen: "h3 can reach port 8481" });
  });

  test("a box with another network key that came hours ago: it may have been mended since", async () => {
    const box = await healthyBox();
    const at = new Date(Date.now() - 2 * HOUR_MS).toISOString();
    swarm(box, { peers: [], last_rejected: { wrong_proof: { at, address: "10.0.0.2" } } });
    expect((await box.finding("peers")).verdict).toBe("unchecked");
  });

  test("a box with the protocol of another version that is a peer now: it was upgraded", async () => {
    const box = await healthyBox();
    swarm(box, { last_rejected: { other_protocol: { at: new Date().toISOString(), address: "10.0.0.2" } } });
    expect((await box.finding("peers")).verdict).toBe("ok");
  });
});
