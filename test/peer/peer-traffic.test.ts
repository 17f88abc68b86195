import { describe, expect, it } from "vitest";
import { PeerTraffic } from "../../src/peer/peer-traffic.ts";

describe("traffic", () => {
  it("is bounded, whatever number of peers a member invents; the sums are kept", () => {
    const traffic = new PeerTraffic();
    for (let number = 0; number < 3000; number += 1) {
      traffic.answered(`h${number}`);
      traffic.sent(`h${number}`, 10);
    }
    expect(traffic.uploaded()).toEqual({ requests: 3000, bytes: 30_000 });
    expect(traffic.of("h0").sent).toBe(0);
    expect(traffic.of("h2999").sent).toBe(10);
  });

  it("is told of a thousand peers one by one, those with traffic last; what all were given stays counted", () => {
    const traffic = new PeerTraffic();
    for (const id of ["busy", "idle"]) traffic.sent(id, 10);
    for (let number = 0; number < 1022; number += 1) traffic.sent(`peer ${number}`, 1);
    traffic.sent("busy", 10);
    traffic.sent("invented", 1);
    expect([traffic.of("busy").sent, traffic.of("idle").sent]).toEqual([20, 0]);
    expect(traffic.uploaded().bytes).toBe(20 + 10 + 1022 + 1);
  });
});
