import { lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { applyEdits, planSetup, type Wishes } from "../../src/setup/setup.ts";
import { rootWith } from "../portage/tree.ts";

/** The agent's door, as setup is told of it. */
export const URL = "http://127.0.0.1:8480";
/** All that setup can be asked for. */
export const WISHES: Wishes = { url: URL, agentHasProxy: false, webrsync: true };

/** What every box has. */
const GENTOO = {
  "etc/portage/package.use": "",
  "usr/share/portage/config/repos.conf":
    "[DEFAULT]\nmain-repo = gentoo\n\n[gentoo]\nlocation = /var/db/repos/gentoo\nsync-type = rsync\n",
};

/** Boxes as they are met: what lies in /etc/portage before setup. */
export const BOXES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
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
  "a mirrors directory with a local mirror": {
    "etc/portage/mirrors/10-ours": "# ours\nlocal http://nas.example\n",
    "etc/portage/mirrors/20-others": "sourceforge http://s.example\n",
  },
  "a mirrors directory": { "etc/portage/mirrors/ours": "sourceforge http://s.example\n" },
  "repos.conf as one file": {
    "etc/portage/repos.conf":
      "[gentoo]\nlocation = /var/db/repos/gentoo\nsync-type: rsync\n\n[guru]\nlocation = /g\nsync-type = git\n",
  },
  "a repos.conf whose main repository comes last": {
    "etc/portage/repos.conf":
      "[DEFAULT]\nauto-sync = no\n\n[guru]\nlocation = /g\nsync-type = git\n\n[gentoo]\nsync-type = rsync\nauto-sync = yes\n",
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

/** A box with these files, and those that every box has. */
export async function box(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await rootWith(GENTOO);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), text, "latin1");
  }
  return root;
}

/** Every file and directory below a directory, with content (as hex) and permissions. */
export async function photograph(root: string): Promise<Record<string, string>> {
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const entries = names.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await lstat(path);
    return [relative(root, path), `${mode.toString(8)} ${entry.isFile() ? await readFile(path, "hex") : ""}`];
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>;
}

/** Makes the changes that setup proposes; how many files they are in. */
export async function write(root: string, wishes = WISHES): Promise<number> {
  const { edits } = await planSetup(root, wishes);
  await applyEdits(root, edits);
  return edits.length;
}
