import { expect, it } from "vitest";
import { Race, onlyWay } from "../../src/retrieve/race.ts";

const never = new AbortController().signal;
const reason = new Error("enough");

it("the first way that brings bytes goes on alone, and is not given up any more", () => {
  const race = new Race(never);
  const [first, second] = [race.enter(), race.enter()];
  second.brought();
  expect([first.signal.aborted, second.signal.aborted]).toEqual([true, false]);
  expect(() => first.brought()).toThrow("another source was faster");
  second.giveUp(reason);
  expect(second.signal.aborted).toBe(false);
});

it("a way entered later goes on in place of the one that had brought bytes, once it says that it has", () => {
  const race = new Race(never);
  const [first, given, later] = [race.enter(), race.enter(), race.enter()];
  first.brought();
  expect([given.signal.aborted, later.signal.aborted]).toEqual([true, true]);
  const newcomer = race.enter();
  expect([first.signal.aborted, newcomer.signal.aborted]).toEqual([false, false]);
  newcomer.brought();
  expect([first.signal.aborted, newcomer.signal.aborted]).toEqual([true, false]);
});

it("a way that is given up does not come back, and one that brings bytes can be left", () => {
  const race = new Race(never);
  const [first, second] = [race.enter(), race.enter()];
  second.giveUp(reason);
  expect(() => second.brought()).toThrow(reason);
  first.brought();
  first.leave(reason);
  expect(first.signal.reason).toBe(reason);
});

it("the end of a race, or of whoever began it, ends all ways", () => {
  const race = new Race(never);
  const ways = [race.enter(), race.enter()];
  race.end(reason);
  expect(ways.map(({ signal }) => signal.reason as unknown)).toEqual([reason, reason]);
  const begun = new AbortController();
  const only = onlyWay(begun.signal);
  const raced = new Race(begun.signal);
  const way = raced.enter();
  const isOver = new Race(begun.signal);
  isOver.over();
  const left = isOver.enter();
  begun.abort(reason);
  expect(() => only.brought()).toThrow(reason);
  expect([way, raced.enter()].map(({ signal }) => signal.reason as unknown)).toEqual([reason, reason]);
  expect(left.signal.aborted).toBe(false);
});
