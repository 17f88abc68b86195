import { plainPath } from "./files.ts";

/**
 * The ebuild repositories, absolute directories: those of repos.conf, and those that make.conf names in the old way, which
 * Portage still honours (repository/config.py, `_add_repositories`): PORTDIR in place of the main one, the words of
 * PORTDIR_OVERLAY behind all others.
 */
export function allRepositories(
  { repos, main }: { readonly repos: readonly string[]; readonly main: string | undefined },
  variables: ReadonlyMap<string, string>,
): string[] {
  const [portdir] = directoriesIn(variables.get("PORTDIR"));
  const others = portdir === undefined ? repos : [portdir, ...repos.filter((repo) => repo !== main)];
  return [...new Set([...others, ...directoriesIn(variables.get("PORTDIR_OVERLAY"))])];
}

function directoriesIn(value = ""): string[] {
  return value
    .split(/\s+/)
    .filter((word) => word.startsWith("/"))
    .map(plainPath);
}
