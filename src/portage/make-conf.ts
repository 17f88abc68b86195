import { dirname, join, resolve } from "node:path";
import { parseAssignments, type Statement } from "./assignments.ts";
import { expand } from "./expand.ts";
import { configFiles, readText } from "./files.ts";
import { PREFIXES } from "./prefixes.ts";
import { profileDirectories } from "./profile.ts";
import { readReposConf } from "./repos-conf.ts";
import { ShellSyntaxError } from "./shell-tokens.ts";

/** What env-update makes of /etc/env.d. Portage takes it as it is written, and lets all others go over it. */
const ENVIRONMENT = "/etc/profile.env";

const MAKE_GLOBALS = "/usr/share/portage/config/make.globals";

/** What is set in a directory of the profile. */
const MAKE_DEFAULTS = "make.defaults";

/** The user's own, later ones over earlier ones. */
const MAKE_CONF_PATHS = ["/etc/make.conf", "/etc/portage/make.conf"];

/** The variables that profile.env, make.globals, the profile and make.conf set. */
interface MakeConf {
  readonly variables: ReadonlyMap<string, string>;
  /** What could not be read, each one line with file and line. */
  readonly warnings: readonly string[];
  /** Those of them over which Portage gives a file up. */
  readonly damage: readonly string[];
}

/**
 * Reads profile.env, make.globals, make.defaults of the profile and make.conf (files or directories) below `root` as Portage
 * does, later ones over earlier ones. A damaged file counts up to the damage, with a warning.
 */
export async function readMakeConf(root: string): Promise<MakeConf> {
  const { main = "", locations } = await readReposConf(root);
  const profile = await profileDirectories(root, locations);
  const reader = new MakeConfReader(root, new Map([...PREFIXES, ["PORTDIR", main]]));
  const paths = [
    ...[ENVIRONMENT, MAKE_GLOBALS].map((path) => join(root, path)),
    ...profile.map((directory) => join(directory, MAKE_DEFAULTS)),
    ...MAKE_CONF_PATHS.map((path) => join(root, path)),
  ];
  for (const path of paths) {
    const files = await configFiles(path, (problem) => reader.warnings.push(problem));
    for (const file of files) await reader.read(file);
  }
  return reader;
}

class MakeConfReader implements MakeConf {
  readonly variables = new Map<string, string>();
  readonly warnings: string[] = [];
  readonly damage: string[] = [];
  readonly #root: string;
  /** What may be referred to though no file sets it (config.py, `expand_map`). */
  readonly #given: ReadonlyMap<string, string>;

  constructor(root: string, given: ReadonlyMap<string, string>) {
    this.#root = root;
    this.#given = given;
  }

  /** `above`: the files that led here by `source`; a circle of them ends at the first one. */
  async read(file: string, above: readonly string[] = []): Promise<void> {
    const content = await readText(file);
    if (!("text" in content)) return this.#warn(file, "problem" in content ? content.problem : "no such file");
    try {
      for (const statement of parseAssignments(content.text)) await this.#apply(statement, file, [...above, file]);
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      this.#warn(`${file}:${error.line}`, `${error.message}; the rest of the file is not read`);
      this.damage.push(this.warnings.at(-1)!);
    }
  }

  async #apply(statement: Statement, file: string, within: readonly string[]): Promise<void> {
    const place = `${file}:${statement.line}`;
    const text = this.#expand(statement.kind === "source" ? statement.file : statement.value, file);
    if (text === undefined) this.#warn(place, "only $NAME and ${NAME} can be expanded");
    if (statement.kind === "assignment") this.variables.set(statement.name, text ?? "");
    else if (text !== undefined) await this.#source(this.#sourced(text, file), place, within);
  }

  async #source(file: string, place: string, within: readonly string[]): Promise<void> {
    if (within.includes(file)) this.#warn(place, "files source one another in a circle");
    else await this.read(file, within);
  }

  #expand(value: string, file: string): string | undefined {
    if (file === join(this.#root, ENVIRONMENT)) return value;
    return expand(value, (name) => this.variables.get(name) ?? this.#given.get(name));
  }

  #sourced(name: string, from: string): string {
    return name.startsWith("/") ? join(this.#root, name) : resolve(dirname(from), name);
  }

  #warn(place: string, problem: string): void {
    this.warnings.push(`${place}: ${problem}`);
  }
}
