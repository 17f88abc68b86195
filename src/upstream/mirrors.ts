import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "../core/logger.ts";

/** A configured mirror: a server (`base` without `/` at its end), or a directory of distfiles on this box. */
export type Mirror =
  | { readonly kind: "server"; readonly url: string; readonly base: URL }
  | { readonly kind: "directory"; readonly url: string; readonly path: string };

/** Reads the mirror list, in its order. What is neither http(s) nor a directory is left out with one line in the log. */
export function readMirrorList(mirrors: readonly string[], log: Logger): Mirror[] {
  return mirrors.flatMap((entry) => {
    const mirror = readMirror(entry.replace(/(?<=.)\/+$/, ""));
    if (mirror === undefined) {
      log.warn({ mirror: entry }, `the mirror ${entry} is left out: only http, https and directories are understood`);
      return [];
    }
    return [mirror];
  });
}

function readMirror(url: string): Mirror | undefined {
  if (isAbsolute(url)) return { kind: "directory", url, path: url };
  if (!URL.canParse(url)) return undefined;
  const base = new URL(url);
  if (base.protocol === "file:" && base.host === "") return { kind: "directory", url, path: fileURLToPath(base) };
  return base.protocol === "http:" || base.protocol === "https:" ? { kind: "server", url, base } : undefined;
}

/** Whether `url` lies below a mirror, whichever of http and https each is written with. */
export function isBelow(url: URL, mirror: Mirror): boolean {
  if (mirror.kind === "directory" || url.host !== mirror.base.host) return false;
  return url.pathname.startsWith(`${mirror.base.pathname.replace(/\/$/, "")}/`);
}
