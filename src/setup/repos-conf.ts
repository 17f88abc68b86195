import { stat } from "node:fs/promises";
import { join } from "node:path";
import { configFiles, readText } from "../portage/files.ts";
import { parseIni, sectionName, type Ini } from "../portage/ini.ts";
import { nothing, readForEdit, withLines, type Proposal } from "./edit.ts";
import { ownFile } from "./own-file.ts";

const REPOS_CONF = "/etc/portage/repos.conf";
const DEFAULT_REPOS_CONF = "/usr/share/portage/config/repos.conf";

/**
 * What lets tree snapshots come from the agent, with Gentoo's signature checked by Portage as well: each key with the values
 * that do, the one to write first.
 */
const WANTED: readonly (readonly [key: string, ...values: string[]])[] = [
  ["sync-type", "webrsync"],
  ["sync-webrsync-verify-signature", "yes", "true"],
];

/** Proposes that the main repository below `root` is synced by tree snapshots. */
export async function proposeReposConf(root: string): Promise<Proposal> {
  const ini: Ini = new Map();
  for (const place of [DEFAULT_REPOS_CONF, REPOS_CONF]) {
    for (const file of await configFiles(join(root, place))) {
      const content = await readText(file);
      if ("text" in content) parseIni(content.text, ini);
    }
  }
  const name = ini.get("DEFAULT")?.get("main-repo") ?? "gentoo";
  const section = ini.get(name);
  if (section === undefined) return nothing(`repos.conf stays as it is: it has no repository [${name}]`);
  const lacking = WANTED.filter(([key, ...values]) => !values.includes(section.get(key) ?? ""));
  if (lacking.length === 0) return nothing();
  const path = await reposConfFile(root);
  const before = await readForEdit(path);
  return { edit: { path, before, after: withValues(before ?? "", name, lacking) }, notes: [] };
}

/** The text of a repos.conf with these values in a section, in place of what it says of them. */
function withValues(text: string, section: string, values: typeof WANTED): string {
  const lines = text.split("\n");
  const head = lines.findIndex((line) => sectionName(line) === section);
  const wanted = values.map(([key, value]) => `${key} = ${value}`);
  if (head === -1) return withLines(text, [`[${section}]`, ...wanted]);
  const next = lines.findIndex((line, index) => index > head && sectionName(line) !== undefined);
  const end = next === -1 ? lines.length : next;
  const kept = withoutKeys(
    lines.slice(head + 1, end),
    values.map(([key]) => key),
  );
  return [...lines.slice(0, head + 1), ...wanted, ...kept, ...lines.slice(end)].join("\n");
}

/** The lines of a section less those of some keys, and less the indented lines that go on with their values. */
function withoutKeys(lines: readonly string[], keys: readonly string[]): string[] {
  let isDropped = false;
  return lines.filter((line) => {
    if (/^\S/.test(line)) isDropped = keys.includes(line.split(/[=:]/)[0]!.trim().toLowerCase());
    return !isDropped || line.trim() === "";
  });
}

/** repos.conf where it is a file, for a section may stand in one file only once; else a file of our own. */
async function reposConfFile(root: string): Promise<string> {
  const path = join(root, REPOS_CONF);
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? path : ownFile(path);
}
