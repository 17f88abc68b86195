import { readdir, stat } from "node:fs/promises";
import { basename, join, normalize } from "node:path";
import { isGone, messageOf, systemCode } from "../core/errors.ts";
import { readRegularText } from "../core/fs/regular-file.ts";

const VERSION_CONTROL = new Set(["CVS", "RCS", "SCCS", ".bzr", ".git", ".hg", ".svn"]);

function isSkipped(name: string): boolean {
  return name.startsWith(".") || name.endsWith("~");
}

/** What is at a path: its text; `absent`; or why it cannot be read. */
type FileText = { readonly text: string } | { readonly absent: true } | { readonly problem: string };

/** Reads a file whole, without throwing. Each kind of line break becomes `\n`, as in Python. */
export async function readText(path: string): Promise<FileText> {
  try {
    return { text: (await readRegularText(path)).replace(/\r\n?/g, "\n") };
  } catch (error) {
    return systemCode(error) === "ENOENT" ? { absent: true } : { problem: messageOf(error) };
  }
}

/**
 * The files that a Portage config path stands for: itself, or for a directory all files below it, sorted by name, less
 * dot-files, `~` backups and version control. None when there is nothing.
 *
 * @param complain told of each path that is there and cannot be looked at, with the reason, one line.
 */
export async function configFiles(path: string, complain: (problem: string) => void = () => {}): Promise<string[]> {
  if (isSkipped(basename(path))) return [];
  try {
    const found = await stat(path);
    if (found.isFile()) return [path];
    if (!found.isDirectory() || VERSION_CONTROL.has(basename(path))) return [];
    const names = (await readdir(path)).sort();
    return (await Promise.all(names.map((name) => configFiles(join(path, name), complain)))).flat();
  } catch (error) {
    if (!isGone(error)) complain(`${path}: ${messageOf(error)}`);
    return [];
  }
}

/** An absolute path in its plain form: no `..`, no doubled `/`, none at its end. */
export function plainPath(path: string): string {
  return normalize(path).replace(/(?<=.)\/$/, "");
}
