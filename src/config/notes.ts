import type { Config } from "../config.ts";
import type { PortageSettings } from "../portage/portage.ts";

/** What the config of this box was made from. */
export interface Origins {
  readonly config: Config;
  /** The config file that was read. */
  readonly file: string | undefined;
  readonly portage: PortageSettings;
  /** Of the config's repositories, those that are not there. */
  readonly absentRepos: readonly string[];
}

function repositoryNotes({ config, absentRepos }: Origins): string[] {
  if (config.portage.repos.length === 0) {
    return ["no ebuild repository: repos.conf names none, so no file can be told by its digest (a plain mirror only)"];
  }
  const present = config.portage.repos.filter((repo) => !absentRepos.includes(repo));
  const absent = absentRepos.map((repo) => `no ebuild repository at ${repo} yet: it is read once it has been synced`);
  return present.length > 0 ? [`ebuild repositories: ${present.join(", ")}`, ...absent] : absent;
}

function mirrorNote({ config, portage }: Origins): string {
  const mirrors = config.upstream.mirrors.join(", ");
  if (config.upstream.mirrors.length === 0) return "no mirrors: upstream is reached by SRC_URI and by named URLs only";
  return portage.mirrors.join(", ") === mirrors ? `mirrors from GENTOO_MIRRORS: ${mirrors}` : `mirrors: ${mirrors}`;
}

/** In plain words, one line each: what was found on this box and what lacks. Warnings of the readers come first. */
export function describeOrigins(origins: Origins): string[] {
  const { config, file, portage } = origins;
  return [
    ...portage.notes,
    file === undefined ? "no config file: defaults, and what Portage's own files say" : `config file: ${file}`,
    ...repositoryNotes(origins),
    mirrorNote(origins),
    config.portage.distdir === null ? "no DISTDIR: nothing is shared from there" : `DISTDIR: ${config.portage.distdir}`,
    `store: ${config.store.dir}, state: ${config.state_dir}`,
  ];
}
