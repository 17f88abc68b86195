import { z } from "zod";
import type { ValueType } from "./values.ts";

/** What is said of one option in the example file and in the reference table. */
export interface OptionText {
  readonly type: string;
  /** The default as it is written in TOML. */
  readonly fallback: unknown;
  readonly sentence: string;
}

/** The texts of all options, by their schema. */
export const optionTexts = z.registry<OptionText>();

/** The sentence of each section, by its schema. */
export const sectionTexts = z.registry<{ readonly sentence: string }>();

/** Declares one option: how its value is read, its default as written in TOML, and what it is for. */
export function option<Out, In>(value: ValueType<Out, In>, fallback: NoInfer<In>, sentence: string) {
  const schema = value.schema.prefault(fallback as z.core.util.NoUndefined<In>);
  optionTexts.add(schema, { type: value.type, fallback, sentence });
  return schema;
}

/** Declares one `[section]`. Keys that it does not know are errors. */
export function section<Shape extends z.core.$ZodLooseShape>(sentence: string, shape: Shape) {
  const table = z.strictObject(shape, { error: ({ code }) => (code === "invalid_type" ? "a section" : undefined) });
  const schema = table.prefault({} as never);
  sectionTexts.add(schema, { sentence });
  return schema;
}
