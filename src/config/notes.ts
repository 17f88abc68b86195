import { withoutCredentials } from "../core/net/credentials.ts";
import type { Config } from "../config.ts";
import type { PortageSettings } from "../portage/portage.ts";

/** What the config of this box was made from. */
interface Origins {
  readonly config: Config;
  /** The config file that was read. */
  readonly file: string | undefined;
  readonly portage: PortageSettings;
  /** Of the config's repositories, those that are not there. */
  readonly absentRepos: readonly string[];
  /** What `upstream.mirrors` said that is this agent itself; the config has it no more. */
  readonly ownMirrors: readonly string[];
}

/** What is told at the start, one plain line each. */
export interface Described {
  /** What was found on this box, and what is not there yet. */
  readonly notes: readonly string[];
  /** What an administrator should mend; these also stand in the status. */
  readonly warnings: readonly string[];
}

const NO_REPOSITORY =
  "no ebuild repository: repos.conf names none that could be read, " +
  "so no file can be told by its digest (a plain mirror only)";

function repositoryNotes({ config, absentRepos }: Origins): string[] {
  const present = config.portage.repos.filter((repo) => !absentRepos.includes(repo));
  const absent = absentRepos.map(
    (repo) => `no ebuild repository is seen at ${repo} yet: it is read once it has been synced`,
  );
  return present.length > 0 ? [`ebuild repositories: ${present.join(", ")}`, ...absent] : absent;
}

function mirrorNotes({ config, portage }: Origins): string[] {
  const mirrors = config.upstream.mirrors.join(", ");
  if (mirrors === "") return ["no mirrors: upstream is reached by SRC_URI and by named URLs only"];
  const shown = withoutCredentials(mirrors);
  if (portage.mirrors.join(", ") !== mirrors) return [`mirrors: ${shown}`];
  const unusable = portage.unusableMirrors.map((word) => `not used, neither http nor https nor a path: ${word}`);
  return [`mirrors from GENTOO_MIRRORS: ${shown}`, ...unusable];
}

function customMirrorNotes({ config }: Origins): string[] {
  const lines = config.upstream.custom_mirrors;
  return lines.length === 0 ? [] : [withoutCredentials(`custom mirrors: ${lines.join("; ")}`)];
}

/** Says in plain words what was found on this box and what lacks. */
export function describeOrigins(origins: Origins): Described {
  const { config, file, portage, ownMirrors } = origins;
  const { repos, distdir } = config.portage;
  const notes = [
    file === undefined ? "no config file: defaults, and what Portage's own files say" : `config file: ${file}`,
    ...repositoryNotes(origins),
    ...mirrorNotes(origins),
    ...customMirrorNotes(origins),
    distdir === null ? "no DISTDIR: nothing is shared from there" : `DISTDIR: ${distdir}`,
    `store: ${config.store.dir}, state: ${config.state_dir}`,
  ];
  const warnings = [
    ...portage.warnings,
    ...ownMirrors.map((url) => `upstream.mirrors names this agent itself, which is left out: ${url}`),
    ...(repos.length === 0 ? [NO_REPOSITORY] : []),
  ];
  return { notes, warnings };
}
