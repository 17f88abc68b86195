import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseIni } from "../../src/core/text/ini.ts";
import { readReposConf } from "../../src/portage/repos-conf.ts";
import { rootWith } from "./tree.ts";

const SHIPPED = `[DEFAULT]
main-repo = gentoo

[gentoo]
location = /var/db/repos/gentoo
sync-type = rsync
# sync-uri = rsync://other
sync-rsync-extra-opts =
`;
const SHIPPED_PATH = "/usr/share/portage/config/repos.conf";

test("what Portage ships names the main repository", async () => {
  const root = await rootWith({ [SHIPPED_PATH]: SHIPPED });
  expect(await readReposConf(root)).toEqual({
    repos: ["/var/db/repos/gentoo"],
    main: "/var/db/repos/gentoo",
    locations: new Map([["gentoo", "/var/db/repos/gentoo"]]),
    warnings: [],
  });
});

test("/etc/portage/repos.conf changes single keys of what is shipped, in either case, and adds repositories", async () => {
  const root = await rootWith({
    [SHIPPED_PATH]: SHIPPED,
    "/etc/portage/repos.conf": "[gentoo]\nLocation: /srv/gentoo/\n[guru]\nlocation = /var/db/repos/guru\n",
  });
  expect((await readReposConf(root)).repos).toEqual(["/srv/gentoo", "/var/db/repos/guru"]);
});

test("a directory of files is read sorted, without backups", async () => {
  const root = await rootWith({
    "/etc/portage/repos.conf/eselect-repo.conf": "[b]\nlocation = /b\n[a]\nlocation = /a\n",
    "/etc/portage/repos.conf/gentoo.conf": "[gentoo]\nlocation = /gentoo\n",
    "/etc/portage/repos.conf/gentoo.conf~": "[gentoo]\nlocation = /backup\n",
  });
  expect((await readReposConf(root)).repos).toEqual(["/gentoo", "/a", "/b"]);
});

test("repositories come by priority, then by name; the main one first unless it says otherwise", async () => {
  const root = await rootWith({
    "/etc/portage/repos.conf":
      "[DEFAULT]\nmain-repo = mine\n[z]\nlocation=/z\npriority = -5\n[high]\nlocation=/high\npriority = 50\n" +
      "[mine]\nlocation=/mine\n[gentoo]\nlocation=/gentoo\n",
  });
  expect((await readReposConf(root)).repos).toEqual(["/mine", "/z", "/gentoo", "/high"]);
});

test("interpolation knows Portage's prefixes and the keys of the section", async () => {
  const root = await rootWith({
    "/etc/portage/repos.conf":
      "[a]\nlocation = %(EPREFIX)s/var/db/a\n[b]\nbase = /srv\nlocation = %(base)s/b%%c\n[c]\nlocation = %(NOTHING)s/c\n",
  });
  expect((await readReposConf(root)).repos).toEqual(["/var/db/a", "/srv/b%c"]);
});

test("what a key refers to may refer to others; their names are in either case, and circles end", async () => {
  const root = await rootWith({
    "/etc/portage/repos.conf":
      "[DEFAULT]\ntop = %(eroot)ssrv\n[a]\nbase = %(top)s/trees\nlocation = %(Base)s/a\n[b]\nlocation = /b%(location)s\n",
  });
  const [a, b] = (await readReposConf(root)).repos;
  expect(a).toBe("/srv/trees/a");
  expect(b).toMatch(/^(\/b)+%\(location\)s$/);
});

test("keys may be indented: only what is deeper goes on with a value", async () => {
  const root = await rootWith({
    "/etc/portage/repos.conf":
      "  [gentoo]\n    priority = 1\n    location = /gentoo\n  sync-type = git\n    location = /not-this\n\n\t[guru]\n\tlocation =\n\t  /guru\n",
  });
  expect(await readReposConf(root)).toMatchObject({ repos: ["/gentoo"], warnings: [] });
});

test("a priority that is no whole number is none", async () => {
  const root = await rootWith({
    "/etc/portage/repos.conf":
      "[DEFAULT]\nmain-repo = m\n[a]\nlocation = /a\npriority = -1\n[b]\nlocation = /b\npriority = -1.5\n[m]\nlocation = /m\npriority = high\n",
  });
  expect((await readReposConf(root)).repos).toEqual(["/m", "/a", "/b"]);
});

test("a damaged line is named, the rest counts", async () => {
  const root = await rootWith({ "/etc/portage/repos.conf": "stray = 1\n[a]\nlocation = /a\nwhat is this\n" });
  expect(await readReposConf(root)).toMatchObject({
    repos: ["/a"],
    warnings: [1, 4].map((line) => `${root}/etc/portage/repos.conf:${line}: neither a [section] nor "key = value"`),
  });
});

test("any text is read, and what cannot be is named by a line that it has", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."[]ab=: \n\r#;%()s".split("")) }), (text) => {
      const lines = text.split("\n").length;
      for (const line of parseIni(text, new Map())) expect(line).toBeLessThanOrEqual(lines);
    }),
  );
});
