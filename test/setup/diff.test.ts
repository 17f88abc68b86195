import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { renderDiff } from "../../src/setup/diff.ts";

test("a diff shows three lines around what changes", () => {
  expect(renderDiff({ path: "/etc/x", before: "1\n2\n3\n4\n5\n6\n7\n8\n", after: "1\n2\n3\n4\nfive\n6\n7\n8\n" })).toBe(
    "--- /etc/x\n+++ /etc/x\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
  );
});

test("a new file comes from /dev/null", () => {
  expect(renderDiff({ path: "/etc/x", before: undefined, after: "a\n" })).toBe(
    "--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,1 @@\n+a\n",
  );
});

test("a last line without a line break is told", () => {
  expect(renderDiff({ path: "x", before: "a", after: "a\nb\n" })).toBe(
    "--- x\n+++ x\n@@ -1,1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n",
  );
});

test("what patch(1) makes of any diff is the text after the change", async () => {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-diff-"));
  const file = join(dir, "file");
  const text = fc.tuple(fc.array(fc.constantFrom("a", "b", "c", "")), fc.boolean());
  const joined = ([lines, ended]: [string[], boolean]) => lines.join("\n") + (ended && lines.length > 0 ? "\n" : "");
  const patched = (diff: string) =>
    new Promise<void>((resolve, reject) => {
      const child = execFile("patch", ["--quiet", file], (error) => (error ? reject(error) : resolve()));
      child.stdin!.end(diff);
    });
  try {
    await fc.assert(
      fc.asyncProperty(text, text, async (old, fresh) => {
        const [before, after] = [joined(old), joined(fresh)];
        fc.pre(before !== after && after !== ""); // patch(1) removes a file that becomes empty
        await writeFile(file, before);
        await patched(renderDiff({ path: "file", before, after }));
        expect(await readFile(file, "utf8")).toBe(after);
      }),
      { numRuns: 50 },
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
