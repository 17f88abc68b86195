import { dirname, join, resolve } from "node:path";
import { parseAssignments, type Statement } from "./assignments.ts";
import { expand } from "./expand.ts";
import { configFiles, readText } from "./files.ts";
import { ShellSyntaxError } from "./shell-tokens.ts";

/** Where Portage looks, later files over earlier ones. */
const MAKE_CONF_PATHS = ["/usr/share/portage/config/make.globals", "/etc/make.conf", "/etc/portage/make.conf"];

/** Files that source one another more deeply than this go round in circles. */
const MAX_SOURCE_DEPTH = 16;

/** The variables that make.globals and make.conf set. */
interface MakeConf {
  readonly variables: ReadonlyMap<string, string>;
  /** What could not be read, each one line with file and line. */
  readonly warnings: readonly string[];
}

/**
 * Reads make.globals and make.conf (files or directories) below `root` as Portage does. A damaged file counts up to the
 * damage, with a warning.
 */
export async function readMakeConf(root: string): Promise<MakeConf> {
  const reader = new MakeConfReader(root);
  for (const path of MAKE_CONF_PATHS) {
    const files = await configFiles(join(root, path), (problem) => reader.warnings.push(problem));
    for (const file of files) await reader.read(file);
  }
  return reader;
}

class MakeConfReader implements MakeConf {
  readonly variables = new Map<string, string>();
  readonly warnings: string[] = [];
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async read(file: string, depth = 0): Promise<void> {
    const content = await readText(file);
    if (!("text" in content)) return this.#warn(file, "problem" in content ? content.problem : "no such file");
    try {
      for (const statement of parseAssignments(content.text)) await this.#apply(statement, file, depth);
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      this.#warn(`${file}:${error.line}`, `${error.message}; the rest of the file is not read`);
    }
  }

  async #apply(statement: Statement, file: string, depth: number): Promise<void> {
    const place = `${file}:${statement.line}`;
    const text = expand(statement.kind === "source" ? statement.file : statement.value, this.variables);
    if (text === undefined) return this.#warn(place, "only $NAME and ${NAME} can be expanded");
    if (statement.kind === "assignment") this.variables.set(statement.name, text);
    else if (depth === MAX_SOURCE_DEPTH) this.#warn(place, "files source one another in a circle");
    else await this.read(this.#sourced(text, file), depth + 1);
  }

  #sourced(name: string, from: string): string {
    return name.startsWith("/") ? join(this.#root, name) : resolve(dirname(from), name);
  }

  #warn(place: string, problem: string): void {
    this.warnings.push(`${place}: ${problem}`);
  }
}
