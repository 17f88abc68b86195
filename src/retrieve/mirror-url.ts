import { createHash } from "node:crypto";

/** A URL that has the form of a mirror's: `…/distfiles/<name>` or `…/distfiles/<hh>/<name>`. */
interface MirrorUrl {
  readonly name: string;
  /** True when the directory is the hash of the name, which proves that the URL is a mirror's (GLEP 75). */
  readonly proven: boolean;
}

const BELOW_SNAPSHOTS = /\/snapshots\/([^/]+)$/;
const BELOW_DISTFILES = /\/distfiles\/(?:([0-9a-f]{2})\/)?([^/]+)$/i;

/** Reads a URL as a mirror's; undefined when it has another form. */
export function parseMirrorUrl(url: URL): MirrorUrl | undefined {
  const [, directory, segment] = BELOW_DISTFILES.exec(url.pathname) ?? [];
  const name = segment && decodeSegment(segment);
  if (!name || url.search !== "") return undefined;
  return { name, proven: directory !== undefined && hashDirectory(name) === directory.toLowerCase() };
}

/** The name in a URL of the form `…/snapshots/<name>`; undefined when it has another. */
export function snapshotName(url: URL): string | undefined {
  const [, segment] = BELOW_SNAPSHOTS.exec(url.pathname) ?? [];
  return url.search === "" ? segment && decodeSegment(segment) : undefined;
}

/** The last part of a URL's path, decoded; undefined when there is none. */
export function lastSegment(url: URL): string | undefined {
  return decodeSegment(url.pathname.split("/").at(-1) ?? "") || undefined;
}

/** The directory of a name in the layout that all Gentoo mirrors have, `filename-hash BLAKE2B 8`. */
function hashDirectory(name: string): string {
  return createHash("blake2b512").update(name).digest("hex").slice(0, 2);
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
