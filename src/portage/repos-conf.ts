import { join } from "node:path";
import { parseIni, type Ini } from "../core/text/ini.ts";
import { configFiles, plainPath, readText } from "./files.ts";
import { PREFIXES } from "./prefixes.ts";

/** Where Portage looks, later files over earlier ones. */
const REPOS_CONF_PATHS = ["/usr/share/portage/config/repos.conf", "/etc/portage/repos.conf"];

const PREFIX_KEYS = [...PREFIXES].map(([name, value]) => [name.toLowerCase(), value] as const);

/** Of the main repository when it names none (repository/config.py). */
const MAIN_REPO_PRIORITY = -1000;

/** References that lead deeper than this go round in circles (configparser, MAX_INTERPOLATION_DEPTH). */
const MAX_DEPTH = 10;

/** The ebuild repositories that repos.conf names. */
interface ReposConf {
  /** Absolute directories, in Portage's order: by priority, then by name. */
  readonly repos: readonly string[];
  /** The one of them that is the main repository. */
  readonly main: string | undefined;
  /** Where each is, by its name. */
  readonly locations: ReadonlyMap<string, string>;
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
function repositories(ini: Ini): Omit<ReposConf, "warnings"> {
  const defaults = ini.get("DEFAULT") ?? new Map<string, string>();
  const main = defaults.get("main-repo") ?? "gentoo";
  const found = [...ini]
    .filter(([name]) => name !== "DEFAULT")
    .map(([name, own]) => {
      const section = new Map([...PREFIX_KEYS, ...defaults, ...own]);
      const value = (key: string): string => interpolate(section.get(key) ?? "", section);
      const priority = readPriority(value("priority")) ?? (name === main ? MAIN_REPO_PRIORITY : 0);
      return { name, priority, location: value("location") };
    })
    .filter(({ location }) => location.startsWith("/"))
    .map((repo) => ({ ...repo, location: plainPath(repo.location) }))
    .sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
  const locations = new Map(found.map(({ name, location }) => [name, location]));
  return { repos: [...new Set(locations.values())], main: locations.get(main), locations };
}

function readPriority(value: string): number | undefined {
  return /^[+-]?\d+$/.test(value) ? Number(value) : undefined;
}

/** Fills in `%(key)s`, whose value may have more of them, and `%%`. */
function interpolate(value: string, section: ReadonlyMap<string, string>, depth = 0): string {
  return value.replace(/%(?:%|\(([^)]+)\)s)/g, (whole, key?: string) => {
    if (key === undefined) return "%";
    const found = section.get(key.toLowerCase());
    return found === undefined || depth === MAX_DEPTH ? whole : interpolate(found, section, depth + 1);
  });
}
