import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "../core/logger.ts";

type ServerOrDirectory =
  | { readonly kind: "server"; readonly url: string; readonly base: URL }
  | { readonly kind: "directory"; readonly url: string; readonly path: string };

/** A configured mirror: a server (`base` without `/` at its end), or a directory of distfiles on this box. */
export type Mirror = ServerOrDirectory & {
  /** `local` in /etc/portage/mirrors: asked before the others. */
  readonly isLocal: boolean;
  /** Among `upstream.mirrors`, as GENTOO_MIRRORS are: asked for what is no distfile, too. */
  readonly isGentoo: boolean;
};

/** The mirrors as they are configured. */
interface MirrorUrls {
  readonly local: readonly string[];
  readonly mirrors: readonly string[];
}

/**
 * Reads the mirror list, in the order of the asking. What is neither http(s) nor a directory is left out with one line
 * in the log.
 */
export function readMirrorList({ local, mirrors }: MirrorUrls, log: Logger): Mirror[] {
  const [own, gentoo] = [new Set(local.map(withoutSlash)), new Set(mirrors.map(withoutSlash))];
  return [...new Set([...own, ...gentoo])].flatMap((url) => {
    const mirror = readMirror(url);
    if (mirror === undefined) {
      log.warn({ mirror: url }, `the mirror ${url} is left out: only http, https and directories are understood`);
      return [];
    }
    return [{ ...mirror, isLocal: own.has(url), isGentoo: gentoo.has(url) }];
  });
}

function withoutSlash(entry: string): string {
  return entry.replace(/(?<=.)\/+$/, "");
}

function readMirror(url: string): ServerOrDirectory | undefined {
  if (isAbsolute(url)) return { kind: "directory", url, path: url };
  if (!URL.canParse(url)) return undefined;
  const base = new URL(url);
  if (base.protocol === "file:" && base.host === "") return { kind: "directory", url, path: fileURLToPath(base) };
  return base.protocol === "http:" || base.protocol === "https:" ? { kind: "server", url, base } : undefined;
}

/** Whether a mirror is asked also for what may not be mirrored: as Portage does, what is local in either way. */
export function isUnrestricted({ kind, isLocal }: Mirror): boolean {
  return isLocal || kind === "directory";
}

/** Whether `url` lies below a mirror, whichever of http and https each is written with. */
export function isBelow(url: URL, mirror: Mirror): boolean {
  if (mirror.kind === "directory" || url.host !== mirror.base.host) return false;
  return url.pathname.startsWith(`${mirror.base.pathname.replace(/\/$/, "")}/`);
}
