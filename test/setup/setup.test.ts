import { chmod, chown, lstat, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAssignments } from "../../src/portage/assignments.ts";
import { readCustomMirrors } from "../../src/portage/custom-mirrors.ts";
import { readMakeConf } from "../../src/portage/make-conf.ts";
import { readReposConf } from "../../src/portage/repos-conf.ts";
import { withHttpProxy } from "../../src/setup/make-conf.ts";
import { localMirrors, withLocalMirror } from "../../src/setup/mirrors.ts";
import { planSetup, undoSetup } from "../../src/setup/setup.ts";
import { named } from "../support/skipped.ts";
import { box, BOXES, photograph, URL, WISHES, write } from "./portage-box.ts";

/** The user and group id of `nobody`. */
const NOBODY = 65534;
const IS_ROOT = process.getuid?.() === 0;

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

  test("when the agent's address has changed, the files that were written are written again, and no others", async () => {
    const root = await box(files);
    const before = await photograph(root);
    await write(root);
    const written = Object.keys(await photograph(join(root, "etc/portage")));
    await write(root, { ...WISHES, url: "http://127.0.0.1:9999" });
    expect((await readMakeConf(root)).variables.get("http_proxy")).toBe("http://127.0.0.1:9999");
    const isCopy = (path: string): boolean => path.startsWith(".distswarm-setup/");
    const names = Object.keys(await photograph(join(root, "etc/portage")));
    expect(names.filter((path) => !isCopy(path))).toEqual(written.filter((path) => !isCopy(path)));
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

test("so it is in a directory of mirrors, whatever file the local ones are in", async () => {
  const root = await box(BOXES["a mirrors directory with a local mirror"]!);
  await write(root);
  expect((await readCustomMirrors(root)).lists.get("local")).toEqual([URL, "http://nas.example"]);
});

test("in a directory of make.conf the line is read last, also when its owner adds another file", async () => {
  const root = await box(BOXES["a make.conf directory"]!);
  await write(root);
  await writeFile(join(root, "etc/portage/make.conf/60-more"), 'http_proxy="http://proxy.lan:3128"\n');
  expect((await readMakeConf(root)).variables.get("http_proxy")).toBe(URL);
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
