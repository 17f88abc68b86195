import { execFile } from "node:child_process";
import { chmod, chown, cp, lstat, mkdir, readFile, readdir, rename, stat, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readMakeConf } from "../../src/portage/make-conf.ts";
import { readReposConf } from "../../src/portage/repos-conf.ts";
import { hunkOf, withoutHunk } from "../../src/setup/hunk.ts";
import { withHttpProxy } from "../../src/setup/make-conf.ts";
import { localMirrors, withLocalMirror } from "../../src/setup/mirrors.ts";
import { applyEdits, planSetup, undoSetup, type Wishes } from "../../src/setup/setup.ts";
import { parseAssignments } from "../../src/portage/assignments.ts";
import { rootWith } from "../portage/tree.ts";
import { mountCuttableDisk } from "../support/power-cut.ts";
import { named } from "../support/skipped.ts";

/** The user and group id of `nobody`. */
const NOBODY = 65534;
const IS_ROOT = process.getuid?.() === 0;
const URL = "http://127.0.0.1:8480";
const WISHES: Wishes = { url: URL, agentHasProxy: false, webrsync: true };
const GENTOO = {
  "etc/portage/package.use": "",
  "usr/share/portage/config/repos.conf":
    "[DEFAULT]\nmain-repo = gentoo\n\n[gentoo]\nlocation = /var/db/repos/gentoo\nsync-type = rsync\n",
};

/** Boxes as they are met: what lies in /etc/portage before setup. */
const BOXES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "a plain box": { "etc/portage/make.conf": 'COMMON_FLAGS="-O2 -pipe"\n' },
  "no make.conf at all": {},
  "the old place": { "etc/make.conf": "USE='-X'\n" },
  "no line break at the end": { "etc/portage/make.conf": 'USE="-X"' },
  "line breaks of another system": { "etc/portage/make.conf": 'USE="-X"\r\n' },
  "bytes that are no UTF-8": { "etc/portage/make.conf": '# f\xfcr mich\nUSE="-X"\n' },
  "quoted lines that go on": { "etc/portage/make.conf": 'USE="a \\\n  b\n  c"\nFEATURES="x" # last\n' },
  "a file that sources another": {
    "etc/portage/make.conf": "source /etc/portage/flags.conf\n",
    "etc/portage/flags.conf": 'USE="-X"\n',
  },
  "a make.conf directory": {
    "etc/portage/make.conf/00-flags": 'USE="-X"\n',
    "etc/portage/make.conf/50-net": 'GENTOO_MIRRORS="https://a.example http://b.example"\n',
  },
  "a make.conf directory whose last file takes the proxy back": {
    "etc/portage/make.conf/00-flags": 'USE="-X"\n',
    "etc/portage/make.conf/zzz": 'USE="gtk"\n',
    "etc/portage/make.conf/zzz.d/last": 'http_proxy=""\n',
  },
  "mirrors that are there already": {
    "etc/portage/make.conf": 'GENTOO_MIRRORS="http://b.example"\n',
    "etc/portage/mirrors": "# ours\ngnu http://gnu.example\nlocal http://nas.example http://old.example\n",
  },
  "a mirrors directory": { "etc/portage/mirrors/ours": "sourceforge http://s.example\n" },
  "repos.conf as one file": {
    "etc/portage/repos.conf":
      "[gentoo]\nlocation = /var/db/repos/gentoo\nsync-type: rsync\n\n[guru]\nlocation = /g\nsync-type = git\n",
  },
  "a repos.conf with a remark behind the section's name": {
    "etc/portage/repos.conf": "[gentoo] # main\nlocation = /var/db/repos/gentoo\nsync-type = rsync\n",
  },
  "a repos.conf whose keys are indented": {
    "etc/portage/repos.conf":
      "# ours\n  [gentoo]\n    sync-type = rsync\n    location = /srv/gentoo\n    auto-sync = yes\n  [guru]\n  location = /g\n",
  },
  "a repos.conf with an empty section above an indented one": {
    "etc/portage/repos.conf": "[gentoo]\n  [guru]\n  location = /g\n",
  },
  "a repos.conf directory whose last file has its own way to sync": {
    "etc/portage/repos.conf/zzzz.conf": "[gentoo]\nsync-type = git\n",
  },
  "a repos.conf directory": { "etc/portage/repos.conf/gentoo.conf": "[gentoo]\nsync-type = git\n" },
};

async function box(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await rootWith(GENTOO);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), text, "latin1");
  }
  return root;
}

/** Every file and directory below a directory, with content (as hex) and permissions. */
async function photograph(root: string): Promise<Record<string, string>> {
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const entries = names.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await lstat(path);
    return [relative(root, path), `${mode.toString(8)} ${entry.isFile() ? await readFile(path, "hex") : ""}`];
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>;
}

async function write(root: string, wishes = WISHES): Promise<number> {
  const { edits } = await planSetup(root, wishes);
  await applyEdits(root, edits);
  return edits.length;
}

describe.each(Object.entries(BOXES))("%s", (_, files) => {
  test("points Portage at the agent, once, and is undone to the same bytes", async () => {
    const root = await box(files);
    const before = await photograph(root);
    expect(await write(root)).toBeGreaterThan(0);
    expect((await readMakeConf(root)).variables.get("http_proxy")).toBe(URL);
    const after = await photograph(root);
    expect(await write(root)).toBe(0);
    expect(await photograph(root)).toEqual(after);
    expect((await undoSetup(root)).left).toEqual([]);
    expect(await photograph(root)).toEqual(before);
  });

  test("every repository stays where it is, and is damaged nowhere", async () => {
    const root = await box(files);
    const before = await readReposConf(root);
    await write(root);
    expect(await readReposConf(root)).toEqual(before);
  });

  test("what was set before is still set", async () => {
    const root = await box(files);
    const before = new Map((await readMakeConf(root)).variables);
    before.delete("http_proxy");
    await write(root);
    const after = (await readMakeConf(root)).variables;
    for (const [name, value] of before) expect([name, after.get(name)]).toEqual([name, value]);
  });
});

test("the agent is the first of the local mirrors; what was there stays behind it", async () => {
  const root = await box(BOXES["mirrors that are there already"]!);
  await write(root);
  expect(await readFile(join(root, "etc/portage/mirrors"), "utf8")).toBe(
    `# ours\ngnu http://gnu.example\nlocal ${URL} http://nas.example http://old.example\n`,
  );
});

test("without the wish for it, how the tree is synced stays as it is", async () => {
  const root = await box(BOXES["repos.conf as one file"]!);
  const { edits } = await planSetup(root, { ...WISHES, webrsync: false });
  expect(edits.map(({ path }) => relative(root, path))).toEqual(["etc/portage/make.conf", "etc/portage/mirrors"]);
});

test("in a repos.conf file the values change within their section, and nowhere else", async () => {
  const root = await box(BOXES["repos.conf as one file"]!);
  await write(root);
  expect(await readFile(join(root, "etc/portage/repos.conf"), "utf8")).toBe(
    "[gentoo]\nsync-type = webrsync\nsync-webrsync-verify-signature = yes\nlocation = /var/db/repos/gentoo\n\n" +
      "[guru]\nlocation = /g\nsync-type = git\n",
  );
});

test("in a repos.conf file a value that goes on over lines is replaced whole", async () => {
  const root = await box({
    "etc/portage/repos.conf":
      "[gentoo] # main\nlocation = /var/db/repos/gentoo\nsync-type =\n  rsync\n\nauto-sync = yes\n",
  });
  await write(root);
  expect(await readFile(join(root, "etc/portage/repos.conf"), "utf8")).toBe(
    "[gentoo] # main\nsync-type = webrsync\nsync-webrsync-verify-signature = yes\nlocation = /var/db/repos/gentoo\n\nauto-sync = yes\n",
  );
});

test("in a repos.conf file that is indented the values are indented as their neighbours", async () => {
  const root = await box(BOXES["a repos.conf whose keys are indented"]!);
  await write(root);
  expect(await readFile(join(root, "etc/portage/repos.conf"), "utf8")).toBe(
    "# ours\n  [gentoo]\n    sync-type = webrsync\n    sync-webrsync-verify-signature = yes\n    location = /srv/gentoo\n" +
      "    auto-sync = yes\n  [guru]\n  location = /g\n",
  );
});

describe("a proxy that is there already", () => {
  const files = { "etc/portage/make.conf": 'http_proxy="http://proxy.lan:3128"\n' };

  test("stays, with a word on what to do, while the agent would go around it", async () => {
    const { edits, notes } = await planSetup(await box(files), WISHES);
    expect(edits.map(({ path }) => path)).not.toContainEqual(expect.stringContaining("make.conf"));
    expect(notes).toEqual([expect.stringContaining('upstream.proxy = "http://proxy.lan:3128"')]);
  });

  test("gives way once the agent goes through a proxy itself", async () => {
    const root = await box(files);
    await write(root, { ...WISHES, agentHasProxy: true });
    expect((await readMakeConf(root)).variables.get("http_proxy")).toBe(URL);
  });
});

test("a make.conf that Portage does not read to its end is left alone, and the place named", async () => {
  const root = await box({ "etc/portage/make.conf": 'USE="never closed\n' });
  const { edits, notes } = await planSetup(root, { ...WISHES, webrsync: false });
  expect(edits.map(({ path }) => relative(root, path))).toEqual(["etc/portage/mirrors"]);
  expect(notes).toEqual([expect.stringMatching(/make\.conf:1: the quote " is never closed.*: mend that first/)]);
});

test("a make.conf with a value that Portage takes for empty is read to its end, and gets its line", async () => {
  const root = await box({ "etc/portage/make.conf": 'CFLAGS="${X:--O2}"\n' });
  await write(root);
  expect((await readMakeConf(root)).variables.get("http_proxy")).toBe(URL);
});

test("a proxy that /etc/env.d sets is a proxy that is there already", async () => {
  const root = await box({ "etc/profile.env": "export http_proxy='http://proxy.lan:3128'\n" });
  expect((await planSetup(root, WISHES)).notes).toEqual([
    expect.stringContaining('upstream.proxy = "http://proxy.lan:3128"'),
  ]);
});

describe("where Portage would reach no mirror while the agent is down", () => {
  const noted = async (mirrors: string) =>
    (await planSetup(await box({ "etc/portage/make.conf": `GENTOO_MIRRORS="${mirrors}"\n` }), WISHES)).notes;

  test.each(["http://b.example", "http://b.example http://c.example"])(
    "says how to have a way around it: %s",
    async (all) => {
      expect(await noted(all)).toEqual([expect.stringContaining('"${GENTOO_MIRRORS} https://distfiles.gentoo.org"')]);
    },
  );

  test.each(["http://b.example https://b.example", "/mnt/mirror http://b.example"])(
    "else says nothing: %s",
    async (all) => {
      expect(await noted(all)).toEqual([]);
    },
  );

  test("the default is http", async () => {
    expect((await planSetup(await box({}), WISHES)).notes).toHaveLength(1);
  });
});

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

test("a proxy that was put in after setup is somebody else's wish, and stays", async () => {
  const root = await box(BOXES["a plain box"]!);
  await write(root);
  const path = join(root, "etc/portage/make.conf");
  await writeFile(path, `${await readFile(path, "utf8")}http_proxy="http://proxy.lan:3128"\n`);
  const { edits, notes } = await planSetup(root, WISHES);
  expect([edits, notes]).toEqual([[], [expect.stringContaining("http://proxy.lan:3128")]]);
});

test("an agent that is called localhost is the agent: there is nothing to change", async () => {
  const root = await box({
    "etc/portage/make.conf": 'http_proxy="http://localhost:8480/"\n',
    "etc/portage/mirrors": "local http://localhost:8480/\n",
  });
  expect(await planSetup(root, { ...WISHES, webrsync: false })).toEqual({ edits: [], notes: [] });
});

test("copies of several versions of a file do not get in one another's way", async () => {
  const root = await box(BOXES["a plain box"]!);
  await write(root);
  const path = join(root, "etc/portage/make.conf");
  await writeFile(path, 'USE="new"\n');
  await undoSetup(root);
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

test("where its owner changed what setup put in, undo leaves the file and names the lines that are left", async () => {
  const root = await box(BOXES["a plain box"]!);
  await write(root);
  const path = join(root, "etc/portage/make.conf");
  await writeFile(path, (await readFile(path, "utf8")).replace(/^# distswarm.*$/m, "# the agent"));
  expect((await undoSetup(root)).left).toMatchObject([{ path, lines: [`http_proxy="${URL}"`] }]);
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
});

test("a file that its owner changed since is not touched by undo; the copy stays and is named", async () => {
  const root = await box(BOXES["a plain box"]!);
  await write(root);
  const path = join(root, "etc/portage/make.conf");
  await writeFile(path, 'USE="new"\n');
  const { restored, left } = await undoSetup(root);
  expect(restored).toContain(join(root, "etc/portage/mirrors"));
  expect(left).toEqual([{ path, backup: expect.stringContaining("make.conf") as string, lines: [] }]);
  expect(await readFile(path, "utf8")).toBe('USE="new"\n');
  expect(await readFile(left[0]!.backup!, "utf8")).toBe(BOXES["a plain box"]!["etc/portage/make.conf"]);
});

test("a symlink stays one, and permissions stay", async () => {
  const root = await box({ "srv/make.conf": 'USE="-X"\n' });
  await mkdir(join(root, "etc/portage"), { recursive: true });
  await symlink("../../srv/make.conf", join(root, "etc/portage/make.conf"));
  await chmod(join(root, "srv/make.conf"), 0o640);
  await write(root);
  expect((await lstat(join(root, "etc/portage/make.conf"))).isSymbolicLink()).toBe(true);
  expect((await stat(join(root, "srv/make.conf"))).mode & 0o777).toBe(0o640);
  expect(await readFile(join(root, "srv/make.conf"), "utf8")).toContain(URL);
});

test.skipIf(!IS_ROOT)(named("a file stays with its owner", IS_ROOT ? undefined : "needs root"), async () => {
  const root = await box(BOXES["a plain box"]!);
  const path = join(root, "etc/portage/make.conf");
  await chown(path, NOBODY, NOBODY);
  await write(root);
  const { uid, gid } = await stat(path);
  expect([uid, gid]).toEqual([NOBODY, NOBODY]);
});

test("an end between the copy and the change does no harm", async () => {
  const root = await box(BOXES["a plain box"]!);
  const before = await photograph(join(root, "etc"));
  await write(root);
  const saved = join(root, "journal");
  await rename(join(root, "etc/portage/.distswarm-setup"), saved);
  await writeFile(join(root, "etc/portage/make.conf"), BOXES["a plain box"]!["etc/portage/make.conf"]!);
  await rename(saved, join(root, "etc/portage/.distswarm-setup"));
  expect((await undoSetup(root)).left).toEqual([]);
  expect(await photograph(join(root, "etc"))).toEqual(before);
});

test("a power cut after a change takes back neither it nor the way back", async (context) => {
  const disk = await mountCuttableDisk(context);
  await cp(await box(BOXES["a plain box"]!), disk.dir, { recursive: true });
  await promisify(execFile)("sync", ["-f", disk.dir]);
  expect(await write(disk.dir)).toBeGreaterThan(0);
  const after = await disk.cut();
  expect(await photograph(join(after, "etc"))).toEqual(await photograph(join(disk.dir, "etc")));
});

test("any mirrors file gets the agent as a local mirror, and keeps its others", () => {
  const word = fc.stringMatching(/^[a-z]{1,5}$/);
  const line = fc.oneof(
    fc
      .tuple(fc.constantFrom("local", "gnu", "  local"), fc.array(word))
      .map(([name, urls]) => [name, ...urls].join(" ")),
    fc.constantFrom("", "# local x", "locality x"),
  );
  fc.assert(
    fc.property(fc.array(line), fc.boolean(), (lines, ended) => {
      const text = lines.join("\n") + (ended ? "\n" : "");
      const changed = localMirrors(withLocalMirror(text, URL));
      expect(changed[0]).toBe(URL);
      expect(changed.slice(1)).toEqual(localMirrors(text));
    }),
  );
});

test("whatever make.conf says, the line is read last and only once", () => {
  const assignment = fc.stringMatching(/^[A-Z]{1,4}="[a-z \n]{0,9}"( # [a-z]{1,4})?$/);
  fc.assert(
    fc.property(fc.array(assignment), fc.boolean(), (lines, ended) => {
      const text = lines.join("\n") + (ended && lines.length > 0 ? "\n" : "");
      const changed = withHttpProxy(withHttpProxy(text, "http://old"), URL);
      const statements = [...parseAssignments(changed)];
      expect(statements).toHaveLength([...parseAssignments(text)].length + 1);
      expect(statements.at(-1)).toMatchObject({ name: "http_proxy", value: URL });
    }),
  );
});
