import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { configReference } from "../../src/config/reference.ts";

test("the README's table of options is the schema's", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, table] = /<!-- config:begin -->\n([\s\S]*?)\n<!-- config:end -->/.exec(readme) ?? [];
  expect(table?.trim()).toBe(configReference().trim());
});
