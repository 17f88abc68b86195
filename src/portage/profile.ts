import { realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readText } from "./files.ts";

/** Where the link to the profile is (LocationsManager.py); the first that is there counts. */
const PROFILE_PATHS = ["/etc/portage/make.profile", "/etc/make.profile"];

/** The user's own, on top of that. */
const USER_PROFILE = "/etc/portage/profile";

/** `repository:path` in a file `parent`; without a name it is the repository of that file. */
const IN_REPOSITORY = /^([^/:]*):(.*)$/;

/**
 * The directories of the profile below `root`, parents before their children, the user's own last; none without a profile.
 *
 * @param repositories where the ebuild repositories are, by name.
 */
export async function profileDirectories(root: string, repositories: ReadonlyMap<string, string>): Promise<string[]> {
  const found = await Promise.all(PROFILE_PATHS.map((path) => realpath(join(root, path)).catch(() => undefined)));
  const profile = found.find((path) => path !== undefined);
  if (profile === undefined) return [];
  const located = [...repositories].map(async ([name, path]) => [name, await resolved(join(root, path))] as const);
  return [...(await withParents(profile, new Map(await Promise.all(located)))), join(root, USER_PROFILE)];
}

/** `above`: the profiles that led here; a circle of parents ends at the first of them. */
async function withParents(
  profile: string,
  repositories: ReadonlyMap<string, string>,
  above: readonly string[] = [],
): Promise<string[]> {
  if (above.includes(profile)) return [];
  const file = await readText(join(profile, "parent"));
  const lines = "text" in file ? file.text.split("\n").map((line) => line.replace(/(^|\s)#.*/, "").trim()) : [];
  const parents = lines.flatMap((line) => (line === "" ? [] : (locate(line, profile, repositories) ?? [])));
  const directories = parents.map(async (parent) =>
    withParents(await resolved(parent), repositories, [...above, profile]),
  );
  return [...(await Promise.all(directories)).flat(), profile];
}

/** Where a line of `parent` leads; undefined when it names a repository that is none. */
function locate(line: string, profile: string, repositories: ReadonlyMap<string, string>): string | undefined {
  const [, name, path] = IN_REPOSITORY.exec(line) ?? [];
  if (path === undefined) return resolve(profile, line);
  const repository = name === "" ? repositoryAround(profile, repositories) : repositories.get(name!);
  return repository && join(repository, "profiles", path);
}

/** The innermost repository that a profile is in. */
function repositoryAround(profile: string, repositories: ReadonlyMap<string, string>): string | undefined {
  const around = [...repositories.values()].filter((location) => profile.startsWith(`${location}/`));
  return around.sort((a, b) => b.length - a.length)[0];
}

/** What a path comes to without symlinks; itself when nothing is there. */
async function resolved(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
