import { readFile } from "node:fs/promises";
import { parse, TomlError } from "smol-toml";
import { configSchema, type Config } from "../config.ts";
import { DistswarmError, messageOf } from "../core/errors.ts";
import { describeProblems, describeSyntaxError } from "./problems.ts";

/** The config as TOML gives it: sections and options by their names, nothing checked yet. */
export type RawConfig = Readonly<Record<string, unknown>>;

function invalid(file: string, problems: readonly string[], cause?: unknown): DistswarmError {
  const message = problems.map((problem) => `${file}: ${problem}`).join("\n");
  return new DistswarmError("INVALID_CONFIG", message, { cause, facts: { file, problems } });
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
    const problem = error instanceof TomlError ? describeSyntaxError(error) : messageOf(error);
    throw invalid(file, [problem], error);
  }
}

/**
 * Checks what was read from `file`, with the defaults of the schema for what it leaves out.
 *
 * @throws {DistswarmError} `INVALID_CONFIG`; the message has one line for each problem.
 */
export function checkConfig(raw: RawConfig, file: string): Config {
  const problems = describeProblems(raw);
  if (problems.length > 0) throw invalid(file, problems);
  return configSchema.parse(raw);
}
