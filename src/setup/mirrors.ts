import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseMirrorLists } from "../core/mirror-lists.ts";
import { CUSTOM_MIRRORS_PATH } from "../portage/custom-mirrors.ts";
import { configFiles } from "../portage/files.ts";
import { readForEdit, nothing, withLines, type Proposal } from "./edit.ts";
import { leadsTo } from "./leads-to.ts";

const OWN_FILE = "distswarm";
/** The mirrors that Portage asks before all others, also for files that may not be mirrored (fetch.py). */
const LOCAL = /^([ \t]*local)(?=[ \t]|$)/m;

/** Proposes the `local` line for /etc/portage/mirrors below `root`. */
export async function proposeMirrors(root: string, url: string): Promise<Proposal> {
  const place = join(root, CUSTOM_MIRRORS_PATH);
  const texts = new Map<string, string>();
  for (const path of await configFiles(place)) texts.set(path, await readFile(path, "latin1"));
  if ([...texts.values()].some((text) => localMirrors(text).some(leadsTo(url)))) return nothing();
  const withLocal = [...texts.keys()].find((path) => LOCAL.test(texts.get(path)!));
  const path = withLocal ?? (await ownPlace(place));
  const before = await readForEdit(path);
  return { edit: { path, before, after: withLocalMirror(before ?? "", url) }, notes: [] };
}

/** The file of mirrors, or one of our own where that is a directory. */
async function ownPlace(place: string): Promise<string> {
  const isDirectory = (await stat(place).catch(() => undefined))?.isDirectory() === true;
  return isDirectory ? join(place, OWN_FILE) : place;
}

/** The URLs of the `local` lines of a mirrors file. */
export function localMirrors(text: string): readonly string[] {
  return parseMirrorLists(text).get("local") ?? [];
}

/** The text of a mirrors file with `url` as the first local mirror; what is there stays behind it. */
export function withLocalMirror(text: string, url: string): string {
  return LOCAL.test(text) ? text.replace(LOCAL, `$1 ${url}`) : withLines(text, [`local ${url}`]);
}
