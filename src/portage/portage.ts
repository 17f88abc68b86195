import { readMakeConf } from "./make-conf.ts";
import { readMirrors, type OwnAddresses } from "./mirrors.ts";
import { readReposConf } from "./repos-conf.ts";

/** What Portage's own files say of this box. */
export interface PortageSettings {
  /** Ebuild repositories, absolute directories; empty when there is no repos.conf. */
  readonly repos: readonly string[];
  /** DISTDIR; undefined when no file sets it. */
  readonly distdir: string | undefined;
  /** The mirrors of GENTOO_MIRRORS that the agent can use, less itself. */
  readonly mirrors: readonly string[];
  /** What was left out or could not be read, each one plain line. */
  readonly notes: readonly string[];
}

/** Reads make.globals, make.conf and repos.conf below `root`. Never throws over what it finds there. */
export async function readPortage(root: string, own: OwnAddresses): Promise<PortageSettings> {
  const [makeConf, reposConf] = await Promise.all([readMakeConf(root), readReposConf(root)]);
  const mirrors = readMirrors(makeConf.variables.get("GENTOO_MIRRORS") ?? "", own);
  const distdir = makeConf.variables.get("DISTDIR");
  const notes = [...makeConf.warnings, ...reposConf.warnings];
  if (mirrors.unusable.length > 0) {
    notes.push(`GENTOO_MIRRORS: not used, neither http nor https nor a path: ${mirrors.unusable.join(" ")}`);
  }
  if (distdir !== undefined && !distdir.startsWith("/")) notes.push(`DISTDIR is no absolute path: ${distdir}`);
  return {
    repos: reposConf.repos,
    distdir: distdir?.startsWith("/") === true ? distdir : undefined,
    mirrors: mirrors.usable,
    notes,
  };
}
