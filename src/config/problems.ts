import type { z } from "zod";
import { configSchema } from "../config.ts";
import { nearest } from "./nearest.ts";
import { documentedOptions, documentedSections } from "./reference.ts";

/** The path of a key as people write it: `store.max_size`, `proxy.listen[1]`. */
function keyName(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}

function knownKeys(): string[] {
  return [...documentedSections().map(({ name }) => name), ...documentedOptions().map(({ key }) => key)];
}

function describeUnknown(key: string): string {
  const meant = nearest(key, knownKeys());
  return `unknown key ${key}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => describeUnknown(keyName([...issue.path, key])));
  }
  return [`${keyName(issue.path)} is ${JSON.stringify(issue.input)}; it must be ${issue.message}`];
}

/** One line for each thing that is wrong in what `configSchema` refused, in the order of the file's sections. */
export function describeProblems(raw: unknown): string[] {
  const result = configSchema.safeParse(raw, { reportInput: true });
  return result.success ? [] : result.error.issues.flatMap(describeIssue);
}
