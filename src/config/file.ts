import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, TomlError } from "smol-toml";
import { DistswarmError, messageOf, systemCode } from "../core/errors.ts";
import { ownUser } from "../core/fs/own-user.ts";
import { allows, SYSTEM_DIRECTORIES, type Directories } from "./directories.ts";

/** The config as TOML gives it: sections and options by their names, nothing checked yet. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** The error for a config file with these problems, a line each. */
export function invalidConfig(file: string, problems: readonly string[], cause?: unknown): DistswarmError {
  const message = problems.map((problem) => `${file}: ${problem}`).join("\n");
  return new DistswarmError("INVALID_CONFIG", message, { cause, facts: { file, problems } });
}

/** The config file where none is asked for: the system's (below `root`), else the user's own; undefined without any. */
export async function findConfigFile(root: string, directories: Directories): Promise<string | undefined> {
  const system = join(root, SYSTEM_DIRECTORIES.configFile);
  if (await allows(system)) return system;
  return (await allows(directories.configFile)) ? directories.configFile : undefined;
}

/**
 * Reads the TOML of a config file.
 *
 * @throws {DistswarmError} `INVALID_CONFIG` when it cannot be read or is no TOML; the message names line and column.
 */
export async function readConfigFile(file: string): Promise<RawConfig> {
  try {
    return parse(await readFile(file, "utf8"));
  } catch (error) {
    const problem = error instanceof TomlError ? describeSyntaxError(error) : describeReadError(error);
    throw invalidConfig(file, [problem], error);
  }
}

/** One line for a file that cannot be read. */
function describeReadError(error: unknown): string {
  const code = systemCode(error);
  if (code === "ENOENT") return "there is no such file";
  return code === "EACCES"
    ? `the user ${ownUser()} may not read it: give it mode 644, or one of that user's groups and mode 640`
    : `it cannot be read (${code ?? messageOf(error)})`;
}

/** One line for text that is no TOML: line, column, and what the parser says of it. */
function describeSyntaxError(error: TomlError): string {
  const [what = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
  return `line ${error.line}, column ${error.column}: ${what}`;
}
