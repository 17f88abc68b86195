import { stat } from "node:fs/promises";
import { join } from "node:path";
import { indentOf, iniLines, parseIni, type Ini, type IniLine } from "../core/text/ini.ts";
import { configFiles, readText } from "../portage/files.ts";
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

/**
 * The text of a repos.conf with these values in a section, in place of what it says of them. They are indented as what
 * follows is: else that would go on with them, or they with what stands before.
 */
function withValues(text: string, section: string, values: typeof WANTED): string {
  const lines = text.split("\n");
  const kinds = iniLines(lines);
  const head = kinds.findIndex((line) => line.kind === "section" && line.name === section);
  const wanted = values.map(([key, value]) => `${key} = ${value}`);
  if (head === -1) return withLines(text, [`[${section}]`, ...wanted]);
  const rest = withoutKeys(
    lines.slice(head + 1),
    kinds.slice(head + 1),
    values.map(([key]) => key),
  );
  const indent = indentOf(rest.find((line) => /^\s*[^\s#;]/.test(line)) ?? "");
  return [...lines.slice(0, head + 1), ...wanted.map((line) => indent + line), ...rest].join("\n");
}

/** The lines from a section's first on, less those of some of its keys. */
function withoutKeys(lines: readonly string[], kinds: readonly IniLine[], keys: readonly string[]): string[] {
  const end = kinds.findIndex(({ kind }) => kind === "section");
  let isDropped = false;
  return lines.filter((_, index) => {
    const line = kinds[index]!;
    if (line.kind === "entry") isDropped = keys.includes(line.key);
    return line.kind === "blank" || !isDropped || (end !== -1 && index >= end);
  });
}

/** repos.conf where it is a file, for a section may stand in one file only once; else a file of our own. */
async function reposConfFile(root: string): Promise<string> {
  const path = join(root, REPOS_CONF);
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? path : ownFile(path);
}
