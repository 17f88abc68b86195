import { configSchema, type Config } from "../config.ts";
import { invalidConfig, type RawConfig } from "./file.ts";
import { describeProblems } from "./problems.ts";

/**
 * Checks what was read from `file`, with the defaults of the schema for what it leaves out.
 *
 * @throws {DistswarmError} `INVALID_CONFIG`; the message has one line for each problem.
 */
export function checkConfig(raw: RawConfig, file: string): Config {
  const problems = describeProblems(raw);
  if (problems.length > 0) throw invalidConfig(file, problems);
  return configSchema.parse(raw);
}
