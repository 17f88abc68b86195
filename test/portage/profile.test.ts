import { mkdir, realpath, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { readMakeConf } from "../../src/portage/make-conf.ts";
import { profileDirectories } from "../../src/portage/profile.ts";
import { rootWith } from "./tree.ts";

const GENTOO = "/var/db/repos/gentoo";
const SITE = "/var/db/repos/site";
const REPOSITORIES = new Map([
  ["gentoo", GENTOO],
  ["site", SITE],
]);

/** A root with these files, whose profile is a link to `profile`. */
async function rootWithProfile(profile: string, files: Readonly<Record<string, string>>): Promise<string> {
  const root = await realpath(await rootWith(files));
  const link = join(root, "/etc/portage/make.profile");
  await mkdir(dirname(link), { recursive: true });
  await symlink(join(root, profile), link);
  return root;
}

test("a profile comes behind its parents: by paths, and by repositories", async () => {
  const root = await rootWithProfile(`${SITE}/profiles/desktop`, {
    [`${SITE}/profiles/desktop/parent`]: "# ours\ngentoo:default/linux # the base\n\n  :common \n",
    [`${SITE}/profiles/common/make.defaults`]: "",
    [`${GENTOO}/profiles/default/linux/parent`]: "../../base\n..\n",
    [`${GENTOO}/profiles/base/make.defaults`]: "",
  });
  const directories = await profileDirectories(root, REPOSITORIES);
  expect(directories.map((directory) => `/${relative(root, directory)}`)).toEqual([
    `${GENTOO}/profiles/base`,
    `${GENTOO}/profiles/default`,
    `${GENTOO}/profiles/default/linux`,
    `${SITE}/profiles/common`,
    `${SITE}/profiles/desktop`,
    "/etc/portage/profile",
  ]);
});

test("parents in a circle, unknown repositories and absent directories end nowhere bad", async () => {
  const root = await rootWithProfile(`${SITE}/profiles/a`, {
    [`${SITE}/profiles/a/parent`]: "../b\nnobody:x\n../absent\n",
    [`${SITE}/profiles/b/parent`]: "../a\n",
  });
  expect(await profileDirectories(root, REPOSITORIES)).toEqual([
    ...["b", "absent", "a"].map((name) => `${root}${SITE}/profiles/${name}`),
    `${root}/etc/portage/profile`,
  ]);
});

test("the mirrors of a site's profile go over make.globals, and make.conf over them", async () => {
  const files = {
    "/usr/share/portage/config/make.globals": 'GENTOO_MIRRORS="http://globals"\nDISTDIR=/globals\n',
    [`${SITE}/profiles/box/make.defaults`]: 'GENTOO_MIRRORS="http://site"\nDISTDIR=/site\n',
    "/etc/portage/profile/make.defaults": "DISTDIR=/own\n",
    "/etc/portage/make.conf": 'GENTOO_MIRRORS="${GENTOO_MIRRORS} http://conf"\n',
  };
  const { variables, warnings } = await readMakeConf(await rootWithProfile(`${SITE}/profiles/box`, files));
  expect(warnings).toEqual([]);
  expect([variables.get("GENTOO_MIRRORS"), variables.get("DISTDIR")]).toEqual(["http://site http://conf", "/own"]);
  expect((await readMakeConf(await rootWith(files))).variables.get("DISTDIR")).toBe("/globals");
});
