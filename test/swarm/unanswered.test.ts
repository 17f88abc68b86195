import { describe, expect, it } from "vitest";
import { Unanswered } from "../../src/swarm/discovery/unanswered.ts";

const ID = "ab".repeat(32);
const PLACE = { host: "10.0.0.7", port: 8481 };
const ANNOUNCE_EVERY_MS = 30_000;

function heardBox() {
  let now = 0;
  const settled = new Set<string>();
  const unanswered = new Unanswered({ isSettled: (id) => settled.has(id), now: () => now });
  /** What each of so many announcements was to the log. */
  const announce = (times: number): boolean[] =>
    Array.from({ length: times }, () => {
      now += ANNOUNCE_EVERY_MS;
      return unanswered.heard(ID, PLACE);
    });
  return { unanswered, settled, announce, wait: (ms: number) => (now += ms) };
}

describe("a box that announces itself, and with which no session comes about", () => {
  it("is told of after its third announcement, once to the log, until it is silent", () => {
    const { unanswered, announce, wait } = heardBox();
    expect(announce(2)).toEqual([false, false]);
    expect(unanswered.addresses()).toEqual([]);
    expect(announce(3)).toEqual([true, false, false]);
    expect(unanswered.addresses()).toEqual(["10.0.0.7:8481"]);
    wait(80_000);
    expect(unanswered.addresses()).toEqual([]);
    expect(announce(1)).toEqual([false]); // it was switched off: it has its time again
    expect(unanswered.addresses()).toEqual([]);
  });

  it("is told of no more as soon as there is a session, and has its time again when that ends", () => {
    const { unanswered, settled, announce } = heardBox();
    announce(3);
    settled.add(ID);
    expect(unanswered.addresses()).toEqual([]);
    announce(4);
    settled.delete(ID);
    expect(announce(3)).toEqual([false, false, true]);
  });

  it("has its time again where there was a session between two announcements, and the network was gone for a while", () => {
    const { unanswered, settled, announce, wait } = heardBox();
    announce(1);
    settled.add(ID);
    unanswered.forgetSettled();
    settled.delete(ID);
    wait(25_000);
    expect(announce(1)).toEqual([false]);
    expect(unanswered.addresses()).toEqual([]);
  });

  it("is told of between its announcements, too", () => {
    const { unanswered, announce, wait } = heardBox();
    announce(2);
    wait(25_000);
    expect(unanswered.addresses()).toEqual(["10.0.0.7:8481"]);
    expect(announce(1)).toEqual([true]);
  });
});
