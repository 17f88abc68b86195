import { expect, test } from "vitest";
import { Backlog } from "../../src/store/backlog.ts";

test("1024 commits may wait for the disk; who comes next waits until one has ended, whatever came of it", async () => {
  const backlog = new Backlog();
  const ends: ((error?: Error) => void)[] = [];
  const commit = (): Promise<void> =>
    new Promise((resolve, reject) => ends.push((error) => (error === undefined ? resolve() : reject(error))));
  const commits = Array.from({ length: 1023 }, () => backlog.during(commit));
  await backlog.hasPlace();
  commits.push(backlog.during(commit));

  await expect(backlog.hasPlace(AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
  let hasPlace = false;
  const next = backlog.hasPlace().then(() => (hasPlace = true));
  await Promise.resolve();
  expect(hasPlace).toBe(false);
  ends[7]!(new Error("EIO"));
  await expect(commits[7]).rejects.toThrow("EIO");
  await next;
});
