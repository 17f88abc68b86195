import { stringify } from "smol-toml";
import type { z } from "zod";
import { configSchema } from "../config.ts";
import { optionTexts, sectionTexts, type OptionText } from "./option.ts";

interface DocumentedOption extends OptionText {
  /** The full key, such as `store.max_size`. */
  readonly key: string;
}

interface DocumentedSection {
  readonly name: string;
  readonly sentence: string;
  readonly options: readonly DocumentedOption[];
}

function optionsOf(shape: z.core.$ZodShape, prefix: string): DocumentedOption[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    const text = optionTexts.get(schema);
    return text === undefined ? [] : [{ key: prefix + name, ...text }];
  });
}

/** The sections of the config file, in order, with their options. */
export function documentedSections(): DocumentedSection[] {
  return Object.entries(configSchema.shape).flatMap(([name, schema]) => {
    const text = sectionTexts.get(schema);
    if (text === undefined) return [];
    const table = (schema as z.ZodPrefault<z.ZodObject>).unwrap();
    return [{ name, sentence: text.sentence, options: optionsOf(table.shape, `${name}.`) }];
  });
}

/** Every option of the config file, in order. */
export function documentedOptions(): DocumentedOption[] {
  return [...optionsOf(configSchema.shape, ""), ...documentedSections().flatMap(({ options }) => options)];
}

/** The default of an option as it is written in TOML. */
export function tomlValue(option: DocumentedOption): string {
  return tomlLine(option).replace(/^\S+ = /, "");
}

function tomlLine({ key, fallback }: DocumentedOption): string {
  return stringify({ [key.slice(key.lastIndexOf(".") + 1)]: fallback }).trim();
}

function exampleOption(option: DocumentedOption): string {
  return `# ${option.sentence}\n#${tomlLine(option)}\n`;
}

/** A config file with every option commented out, each with its sentence and default. */
export function exampleConfig(): string {
  const head = "# distswarm: uncomment what you change; what stands here are the defaults.\n";
  const top = optionsOf(configSchema.shape, "").map(exampleOption);
  const sections = documentedSections().map(
    ({ name, sentence, options }) => `# ${sentence}\n[${name}]\n${options.map(exampleOption).join("")}`,
  );
  return [head, ...top, ...sections].join("\n");
}

/** The same as a Markdown table, for the README. */
export function configReference(): string {
  const rows = documentedOptions().map((option) => {
    return `| \`${option.key}\` | ${option.type} | \`${tomlValue(option)}\` | ${option.sentence} |\n`;
  });
  return `| option | type | default | what it is for |\n| --- | --- | --- | --- |\n${rows.join("")}`;
}
