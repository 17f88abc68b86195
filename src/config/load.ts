import { join } from "node:path";
import { configSchema, type Config } from "../config.ts";
import { ownAddresses } from "../core/net/own-addresses.ts";
import { ownNames } from "../core/net/own-names.ts";
import { withoutOurselves } from "../portage/custom-mirrors.ts";
import { isOurselves, type OwnAddresses } from "../portage/mirrors.ts";
import { readPortage, type PortageSettings } from "../portage/portage.ts";
import { checkConfig } from "./check.ts";
import { conflictsIn } from "./conflicts.ts";
import { allows } from "./directories.ts";
import { invalidConfig, readConfigFile, type RawConfig } from "./file.ts";
import { describeOrigins, type Described } from "./notes.ts";
import { findConfig, type ConfigPlace, type PlaceOptions } from "./place.ts";

/** Whom and where the config is loaded for. */
interface LoadOptions extends PlaceOptions {
  /** Where it comes from, as a running agent says of its own. @default it is looked for */
  readonly place?: ConfigPlace | undefined;
}

/** The config, and in plain words what was found on this box and what lacks. */
export interface LoadedConfig extends Described {
  readonly config: Config;
  /** The file that it was read from, absolute; undefined: there is none. */
  readonly file: string | undefined;
}

/**
 * Reads the config file and, for what it leaves out, Portage's own files; defaults fill in the rest.
 *
 * @throws {DistswarmError} `INVALID_CONFIG`: a file that was asked for cannot be read, or something in it is wrong; the
 * message has a line for each problem.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const { root = "/" } = options;
  const { file, directories } = options.place ?? (await findConfig(options));
  const raw = file === undefined ? {} : await readConfigFile(file);
  const { proxy } = checkConfig(raw, file ?? "");
  const own = { listen: proxy.listen, names: ownNamesAndAddresses() };
  const portage = await readPortage(root, own);
  const written = configSchema.parse(layered(hostDefaults(portage, directories), raw));
  const { config, ownMirrors } = withoutOwnMirrors(written, own);
  const conflicts = conflictsIn(config, own);
  if (conflicts.length > 0) throw invalidConfig(file ?? "the config", conflicts);
  const absentRepos = await filterAsync(config.portage.repos, async (repo) => !(await allows(join(root, repo))));
  return { config, file, ...describeOrigins({ config, file, portage, absentRepos, ownMirrors }) };
}

/**
 * Takes out the mirrors that are this agent itself: it would ask itself for what it lacks. In /etc/portage/mirrors it
 * belongs, so that there it is not worth telling.
 */
function withoutOwnMirrors(config: Config, own: OwnAddresses): { config: Config; ownMirrors: readonly string[] } {
  const isOwn = (mirror: string): boolean => URL.canParse(mirror) && isOurselves(new URL(mirror), own);
  const ownMirrors = config.upstream.mirrors.filter(isOwn);
  const mirrors = config.upstream.mirrors.filter((mirror) => !isOwn(mirror));
  const custom_mirrors = withoutOurselves(config.upstream.custom_mirrors, own);
  return { config: { ...config, upstream: { ...config.upstream, mirrors, custom_mirrors } }, ownMirrors };
}

async function filterAsync<T>(items: readonly T[], keep: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(items.map(keep));
  return items.filter((_, index) => kept[index]);
}

/** The names and addresses by which this box may be called in GENTOO_MIRRORS. */
function ownNamesAndAddresses(): string[] {
  return [...ownNames(), ...ownAddresses()];
}

/** The defaults that this box gives, in the shape of the config file. */
function hostDefaults(portage: PortageSettings, directories: ConfigPlace["directories"]): RawConfig {
  return {
    state_dir: directories.state,
    store: { dir: directories.store },
    portage: { repos: portage.repos, distdir: portage.distdir ?? "" },
    upstream: {
      custom_mirrors: portage.customMirrors,
      ...(portage.mirrors.length > 0 && { mirrors: portage.mirrors }),
    },
  };
}

/** `over` on top of `base`, option by option. */
function layered(base: RawConfig, over: RawConfig): RawConfig {
  const merged = Object.entries(over).map(([key, value]) => [
    key,
    typeof value === "object" ? Object.assign({}, base[key], value) : value,
  ]);
  return { ...base, ...Object.fromEntries(merged) };
}
