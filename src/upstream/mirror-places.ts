import { join } from "node:path";
import { pathIn, quotePath, type Addressed, type Layout } from "./layout.ts";
import type { KnownLayouts } from "./mirror-layouts.ts";
import type { Mirror } from "./mirrors.ts";
import type { Place } from "./source-order.ts";

/** What health knows a mirror by. */
export function originOf(mirror: Mirror): string {
  return mirror.kind === "server" ? mirror.base.origin : mirror.path;
}

/** A mirror as a place for one file, known by `names`, a digest, or both. Its layout is asked for at its turn. */
export function mirrorPlace(mirror: Mirror, files: readonly Addressed[], layouts: () => Promise<KnownLayouts>): Place {
  return {
    origin: originOf(mirror),
    urls: async () => pathsIn(await layouts(), files).map((path) => locationOf(mirror, path)),
  };
}

/** A layout.conf's first layout that can name the file counts; of a guess, one after the other. */
function pathsIn({ layouts, guessed }: KnownLayouts, files: readonly Addressed[]): string[] {
  const paths = layouts.map((layout) => pathsBy(layout, files)).filter((some) => some.length > 0);
  return guessed ? paths.flat() : (paths[0] ?? []);
}

function pathsBy(layout: Layout, files: readonly Addressed[]): string[] {
  return [...new Set(files.flatMap((file) => pathIn(layout, file) ?? []))];
}

/** Portage asks a server below `distfiles` and quoted, a directory neither (fetch.py). */
function locationOf(mirror: Mirror, path: string): string {
  return mirror.kind === "server" ? `${mirror.url}/distfiles/${quotePath(path)}` : join(mirror.path, path);
}
