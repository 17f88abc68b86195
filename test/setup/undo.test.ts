import { execFile } from "node:child_process";
import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hunkOf, withoutHunk } from "../../src/setup/hunk.ts";
import { undoSetup } from "../../src/setup/setup.ts";
import { mountCuttableDisk } from "../support/power-cut.ts";
import { box, BOXES, photograph, URL, WISHES, write } from "./portage-box.ts";

test("when the agent's address has changed, its line is replaced; undo goes back to the very beginning", async () => {
  const root = await box(BOXES["a plain box"]!);
  const before = await photograph(root);
  await write(root);
  await write(root, { ...WISHES, url: "http://127.0.0.1:9999" });
  const text = await readFile(join(root, "etc/portage/make.conf"), "utf8");
  expect(text.match(/http_proxy=.*/g)).toEqual(['http_proxy="http://127.0.0.1:9999"']);
  await undoSetup(root);
  expect(await photograph(root)).toEqual(before);
});

test("copies of several versions of a file do not get in one another's way", async () => {
  const root = await box(BOXES["a plain box"]!);
  await write(root);
  const path = join(root, "etc/portage/make.conf");
  await writeFile(path, 'USE="new"\n');
  await write(root);
  expect((await undoSetup(root)).restored).toEqual(expect.arrayContaining([path]));
  expect(await readFile(path, "utf8")).toBe('USE="new"\n');
});

test("of a file that its owner changed since, undo takes out what setup put in, and leaves the rest", async () => {
  const root = await box({ ...BOXES["a plain box"], "etc/portage/mirrors": "local http://nas.example\n" });
  await write(root);
  await write(root, { ...WISHES, url: "http://127.0.0.1:9999" });
  const [makeConf, mirrors] = ["make.conf", "mirrors"].map((name) => join(root, "etc/portage", name)) as [
    string,
    string,
  ];
  await writeFile(makeConf, `USE="new"\n${await readFile(makeConf, "utf8")}FEATURES="x"\n`);
  await writeFile(mirrors, `# mine\n${await readFile(mirrors, "utf8")}`);
  const { cleared, left } = await undoSetup(root);
  expect([cleared, left]).toEqual([[mirrors, makeConf], []]);
  expect(await readFile(makeConf, "utf8")).toBe(
    `USE="new"\n${BOXES["a plain box"]!["etc/portage/make.conf"]}FEATURES="x"\n`,
  );
  expect(await readFile(mirrors, "utf8")).toBe("# mine\nlocal http://nas.example\n");
});

test("where its owner changed what setup put in, undo leaves the file and names the lines that are left, and the copy", async () => {
  const root = await box(BOXES["a plain box"]!);
  await write(root);
  const path = join(root, "etc/portage/make.conf");
  await writeFile(path, (await readFile(path, "utf8")).replace(/^# distswarm.*$/m, "# the agent"));
  const { left } = await undoSetup(root);
  expect(left).toMatchObject([{ path, lines: [`http_proxy="${URL}"`] }]);
  expect(await readFile(left[0]!.backup!, "utf8")).toBe(BOXES["a plain box"]!["etc/portage/make.conf"]);
});

test("taking a change back gives the text that was before it, whatever was changed around it", () => {
  const text = fc
    .array(fc.stringMatching(/^[a-c]{0,3}$/), { maxLength: 5 })
    .map((lines) => lines.map((line) => `${line}\n`).join(""));
  const around = fc.stringMatching(/^[x-z]{1,3}$/).map((line) => `${line}\n`);
  fc.assert(
    fc.property(text, fc.array(fc.stringMatching(/^[m-o]{1,3}$/), { minLength: 1 }), around, (before, put, other) => {
      const after = `${before}${put.map((line) => `${line}!\n`).join("")}`;
      expect(withoutHunk(`${other}${after}${other}`, hunkOf(before, after))).toBe(`${other}${before}${other}`);
    }),
  );
});

test("a change that stands there twice is not taken back: nobody knows which one it was", () => {
  const hunk = hunkOf("A=1\n", "A=1\nhttp_proxy=x\n");
  expect(withoutHunk("http_proxy=x\nA=1\nhttp_proxy=x\n", hunk)).toBeUndefined();
});

test("a line that was the last one, without a line break, gets one when another stands behind it by now", () => {
  const hunk = hunkOf("A=1", "A=1\nhttp_proxy=x\n");
  expect(withoutHunk("A=1\nhttp_proxy=x\nB=2\n", hunk)).toBe("A=1\nB=2\n");
  expect(withoutHunk("A=1\nhttp_proxy=x\n", hunk)).toBe("A=1");
  expect(withoutHunk("C=3\nD=4\n", hunkOf("A=1\nB=2", "C=3\n"))).toBe("A=1\nB=2\nD=4\n");
});

test.for([
  ["wrote anew", (path: string) => writeFile(path, 'USE="new"\n')],
  ["removed", (path: string) => rm(path)],
] as const)("of a file that its owner %s since, nothing is left to undo, nor for the next undo", async ([, change]) => {
  const root = await box(BOXES["a plain box"]!);
  await write(root);
  const path = join(root, "etc/portage/make.conf");
  await change(path);
  const changed = await readFile(path).catch(() => undefined);
  expect(await undoSetup(root)).toMatchObject({ cleared: [], gone: [path], left: [] });
  expect(await readFile(path).catch(() => undefined)).toEqual(changed);
  expect(await undoSetup(root)).toEqual({ restored: [], cleared: [], gone: [], left: [] });
});

test("an end between the copy and the change does no harm", async () => {
  const root = await box(BOXES["a plain box"]!);
  const before = await photograph(join(root, "etc"));
  await write(root);
  const saved = join(root, "journal");
  await rename(join(root, "etc/portage/.distswarm-setup"), saved);
  await writeFile(join(root, "etc/portage/make.conf"), BOXES["a plain box"]!["etc/portage/make.conf"]!);
  await rm(join(root, "etc/portage/mirrors")); // there was none
  await rename(saved, join(root, "etc/portage/.distswarm-setup"));
  expect((await undoSetup(root)).left).toEqual([]);
  expect(await photograph(join(root, "etc"))).toEqual(before);
});

test("a power cut takes back no change and no undo that is done", async (context) => {
  const disk = await mountCuttableDisk(context);
  await cp(await box(BOXES["a plain box"]!), disk.dir, { recursive: true });
  await promisify(execFile)("sync", ["-f", disk.dir]);
  expect(await write(disk.dir)).toBeGreaterThan(0);
  const after = await disk.cut();
  expect(await photograph(join(after, "etc"))).toEqual(await photograph(join(disk.dir, "etc")));
  await undoSetup(disk.dir);
  const undone = await disk.cut();
  expect(await photograph(join(undone, "etc"))).toEqual(await photograph(join(disk.dir, "etc")));
});
