import type { DamagedLine } from "./parse.ts";
import type { ManifestRecord } from "./records.ts";
import { manifestOf } from "./scan.ts";

/** So many damaged lines are listed; a tree in which more is wrong is wrong as a whole. */
const MAX_LISTED = 100;

const READABLE = "let the agent's user read it (below /home, under systemd: ProtectHome=read-only)";

/** A configured repository, as last seen. */
export interface RepoState {
  /** Its directory, absolute. */
  readonly path: string;
  readonly name: string;
  /** How many Manifests it has. */
  readonly manifests: number;
  /** What kept it, or some of it, from being read. */
  readonly error?: string;
}

/** `/var/db/repos/guru/app-misc/foo/Manifest:3: the size is not a number of bytes: 12x`. */
export function describeDamage(manifest: string, { line, reason }: DamagedLine): string {
  return line === 0 ? `${manifest}: ${reason}` : `${manifest}:${line}: ${reason}`;
}

/** What is wrong with a repository, and what happens now; undefined when nothing is. */
export function describeRepo({ path, error }: RepoState): string | undefined {
  if (error === undefined) return undefined;
  const mend = error.startsWith("EACCES") ? `${READABLE}; ` : "";
  return `cannot read all of the repository ${path}: ${error}; ${mend}it is tried again at every scan`;
}

/** Damaged Manifest lines, one plain line each; the last tells how many were left out. */
export function describeAllDamage(known: ReadonlyMap<string, ManifestRecord>): string[] {
  const lines: string[] = [];
  let total = 0;
  for (const [dir, { damaged }] of known) {
    for (const damage of damaged.slice(0, MAX_LISTED - lines.length))
      lines.push(describeDamage(manifestOf(dir), damage));
    total += damaged.length;
  }
  return total > MAX_LISTED ? [...lines, `and ${total - MAX_LISTED} more damaged Manifest lines`] : lines;
}
