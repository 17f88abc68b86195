import { join, normalize } from "node:path";
import { configFiles, readText } from "./files.ts";
import { parseIni, type Ini } from "./ini.ts";

/** Where Portage looks, later files over earlier ones. */
const REPOS_CONF_PATHS = ["/usr/share/portage/config/repos.conf", "/etc/portage/repos.conf"];

/** What Portage gives repos.conf to interpolate; we serve the system that we run on, so there is no prefix. */
const PREFIXES: Readonly<Record<string, string>> = { EPREFIX: "", EROOT: "/", ROOT: "/", PORTAGE_CONFIGROOT: "/" };

/** Of the main repository when it names none (repository/config.py). */
const MAIN_REPO_PRIORITY = -1000;

/** The ebuild repositories that repos.conf names. */
interface ReposConf {
  /** Absolute directories, in Portage's order: by priority, then by name. */
  readonly repos: readonly string[];
  /** What could not be read, each one line. */
  readonly warnings: readonly string[];
}

/** Reads repos.conf (file or directory) below `root`. */
export async function readReposConf(root: string): Promise<ReposConf> {
  const ini: Ini = new Map();
  const warnings: string[] = [];
  for (const path of REPOS_CONF_PATHS) {
    for (const file of await configFiles(join(root, path), (problem) => warnings.push(problem))) {
      const content = await readText(file);
      if ("problem" in content) warnings.push(`${file}: ${content.problem}`);
      if (!("text" in content)) continue;
      const bad = parseIni(content.text, ini);
      warnings.push(...bad.map((line) => `${file}:${line}: neither a [section] nor "key = value"`));
    }
  }
  return { ...repositories(ini), warnings };
}

/** The repositories of a parsed repos.conf. */
function repositories(ini: Ini): { repos: string[] } {
  const defaults = ini.get("DEFAULT") ?? new Map<string, string>();
  const main = defaults.get("main-repo") ?? "gentoo";
  const found = [...ini]
    .filter(([name]) => name !== "DEFAULT")
    .map(([name, own]) => {
      const section = new Map([...defaults, ...own]);
      const priority = Number(section.get("priority") ?? (name === main ? MAIN_REPO_PRIORITY : 0)) || 0;
      return { name, priority, location: interpolate(section.get("location") ?? "", section) };
    })
    .filter(({ location }) => location.startsWith("/"))
    .sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
  return { repos: [...new Set(found.map(({ location }) => normalize(location).replace(/(?<=.)\/$/, "")))] };
}

function interpolate(value: string, section: ReadonlyMap<string, string>): string {
  return value.replace(/%(?:%|\((\w[\w-]*)\)s)/g, (whole, name: string | undefined) =>
    name === undefined ? "%" : (PREFIXES[name] ?? section.get(name.toLowerCase()) ?? whole),
  );
}
