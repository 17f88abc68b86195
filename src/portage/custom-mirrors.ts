import { join } from "node:path";
import { parseMirrorLists, type MirrorLists } from "../core/mirror-lists.ts";
import { configFiles, readText } from "./files.ts";
import { isOurselves, type OwnAddresses } from "./mirrors.ts";

/** Where Portage looks (const.py, CUSTOM_MIRRORS_FILE). */
export const CUSTOM_MIRRORS_PATH = "/etc/portage/mirrors";

/** What /etc/portage/mirrors says. */
interface CustomMirrors {
  /** `local`, and the names of `mirror://NAME/`. */
  readonly lists: MirrorLists;
  /** What could not be read, each one line. */
  readonly warnings: readonly string[];
}

/** Reads /etc/portage/mirrors (file or directory) below `root`. Never throws over what it finds there. */
export async function readCustomMirrors(root: string): Promise<CustomMirrors> {
  const warnings: string[] = [];
  const files = await configFiles(join(root, CUSTOM_MIRRORS_PATH), (problem) => warnings.push(problem));
  const texts = await Promise.all(files.map(readText));
  texts.forEach((content, at) => {
    if ("problem" in content) warnings.push(`${files[at]}: ${content.problem}`);
  });
  return {
    lists: parseMirrorLists(texts.map((content) => ("text" in content ? content.text : "")).join("\n")),
    warnings,
  };
}

/**
 * The lines `NAME URL…` of such a file, less the URLs that lead to this agent: it would ask itself for what it lacks.
 */
export function withoutOurselves(lines: readonly string[], own: OwnAddresses): string[] {
  const isOther = (url: string): boolean => !URL.canParse(url) || !isOurselves(new URL(url), own);
  const lists = [...parseMirrorLists(lines.join("\n"))].map(([name, urls]) => [name, urls.filter(isOther)] as const);
  return linesOf(new Map(lists.filter(([, urls]) => urls.length > 0)));
}

/** The lists as such a file has them, a line each. */
export function linesOf(lists: MirrorLists): string[] {
  return [...lists].map(([name, urls]) => [name, ...urls].join(" "));
}
