import { createHash } from "node:crypto";
import { basename } from "node:path";

/** The files of a mock mirror: bytes by distfile name, or by an exact path (`/snapshots/x`, `/dl/v1.tar.gz`). */
export type MirrorFiles = Readonly<Record<string, Buffer>>;

/**
 * Where the distfiles lie, and what layout.conf says; other paths are 404. `none`: flat, without a layout.conf. Or the
 * text of a layout.conf, with the files below any directory that one asks for.
 */
export type MirrorLayout = "none" | "flat" | "filename-hash" | "content-hash" | { readonly text: string };

/** A file as a mirror finds it. */
interface NamedFile {
  readonly name: string;
  readonly file: Buffer;
}

export const LAYOUT_CONF = "/distfiles/layout.conf";

const LAYOUT_TEXTS = {
  flat: "0=flat",
  "filename-hash": "0=filename-hash BLAKE2B 8\n1=flat",
  "content-hash": "0=content-hash BLAKE2B 8\n1=flat",
};

/** Finds what lies at a path of a URL, layout.conf included. */
export function catalogue(files: MirrorFiles, layout: MirrorLayout): (path: string) => NamedFile | undefined {
  const byPath = new Map<string, NamedFile>();
  for (const [name, file] of Object.entries(files)) byPath.set(pathOf(name, file, layout), { name, file });
  const text = layoutText(layout);
  if (text !== undefined) byPath.set(LAYOUT_CONF, { name: "layout.conf", file: Buffer.from(text) });
  return (path) => {
    const decoded = decode(path);
    return byPath.get(decoded) ?? (typeof layout === "object" ? byPath.get(basename(decoded)) : undefined);
  };
}

function pathOf(name: string, file: Buffer, layout: MirrorLayout): string {
  if (name.startsWith("/") || typeof layout === "object") return name;
  if (layout === "filename-hash") return `/distfiles/${blake2b(name).slice(0, 2)}/${name}`;
  if (layout === "content-hash") return `/distfiles/${blake2b(file).slice(0, 2)}/${blake2b(file)}`;
  return `/distfiles/${name}`;
}

function layoutText(layout: MirrorLayout): string | undefined {
  if (layout === "none") return undefined;
  return typeof layout === "object" ? layout.text : `[structure]\n${LAYOUT_TEXTS[layout]}\n`;
}

function blake2b(data: string | Buffer): string {
  return createHash("blake2b512").update(data).digest("hex");
}

/** What is no valid quote is nowhere. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "";
  }
}
