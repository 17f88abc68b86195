import { expect, test } from "vitest";
import { failWith } from "../../src/cli/fail-with.ts";
import { DistswarmError } from "../../src/core/errors.ts";

const OFF = new DistswarmError("AGENT_NOT_RUNNING", "no agent is running");
const HANGS = new DistswarmError("AGENT_NOT_RUNNING", "the agent hangs", { facts: { hangs: true } });

/** As where Portage's files are on a file system that hangs. */
const neverLoads = (): Promise<never> => new Promise(() => {});

test("of an agent that hangs it is told at once, though nothing can be read of its config", async () => {
  await expect(failWith(HANGS, neverLoads, 2 ** 30)).rejects.toBe(HANGS);
});

test("that no agent runs is told also where its config cannot be read for long", async () => {
  await expect(failWith(OFF, neverLoads, 1)).rejects.toBe(OFF);
});

test("where no agent runs, the mistake in its config is told", async () => {
  const mistake = new DistswarmError("INVALID_CONFIG", "unknown key");
  await expect(failWith(OFF, () => Promise.reject(mistake))).rejects.toBe(mistake);
});

test("another error is told without a look at the config", async () => {
  const other = new DistswarmError("NOT_PERMITTED", "not for you");
  await expect(failWith(other, neverLoads, 2 ** 30)).rejects.toBe(other);
});
