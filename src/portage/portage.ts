import { linesOf, readCustomMirrors } from "./custom-mirrors.ts";
import { readMakeConf } from "./make-conf.ts";
import { readMirrors, type OwnAddresses } from "./mirrors.ts";
import { allRepositories } from "./overlays.ts";
import { readReposConf } from "./repos-conf.ts";

/** What Portage's own files say of this box. */
export interface PortageSettings {
  /** Ebuild repositories, absolute directories; empty when nothing names one. */
  readonly repos: readonly string[];
  /** DISTDIR; undefined when no file sets it. */
  readonly distdir: string | undefined;
  /** The mirrors of GENTOO_MIRRORS that the agent can use, less itself. */
  readonly mirrors: readonly string[];
  /** Words of GENTOO_MIRRORS that the agent has no use for. */
  readonly unusableMirrors: readonly string[];
  /** /etc/portage/mirrors: lines `NAME URL…`, one a name. */
  readonly customMirrors: readonly string[];
  /** What could not be read, each one plain line. */
  readonly warnings: readonly string[];
}

/** Reads make.globals, make.conf, repos.conf and mirrors below `root`. Never throws over what it finds there. */
export async function readPortage(root: string, own: OwnAddresses): Promise<PortageSettings> {
  const [makeConf, reposConf, custom] = await Promise.all([
    readMakeConf(root),
    readReposConf(root),
    readCustomMirrors(root),
  ]);
  const mirrors = readMirrors(makeConf.variables.get("GENTOO_MIRRORS"), own);
  const distdir = makeConf.variables.get("DISTDIR");
  const warnings = [...makeConf.warnings, ...reposConf.warnings, ...custom.warnings];
  const usable = distdir?.startsWith("/") === true;
  if (distdir !== undefined && !usable) warnings.push(`DISTDIR is no absolute path: ${distdir}`);
  return {
    repos: allRepositories(reposConf, makeConf.variables),
    distdir: usable ? distdir : undefined,
    mirrors: mirrors.usable,
    unusableMirrors: mirrors.unusable,
    customMirrors: linesOf(custom.lists),
    warnings,
  };
}
