import { parse } from "smol-toml";
import { expect, test } from "vitest";
import { configSchema } from "../../src/config.ts";
import { configReference, exampleConfig } from "../../src/config/reference.ts";

test("the example file changes nothing: every option in it is a comment", () => {
  expect(configSchema.parse(parse(exampleConfig()))).toEqual(configSchema.parse({}));
});

test("the example file with every option uncommented is the default config", () => {
  const uncommented = exampleConfig().replace(/^#(?=\w)/gm, "");
  expect(uncommented).toContain('\nmax_size = "50GiB"\n');
  expect(configSchema.parse(parse(uncommented))).toEqual(configSchema.parse({}));
});

test("each option of the example stands under its sentence", () => {
  expect(exampleConfig()).toContain(
    "# Verified blobs on this box.\n".replace("Verified", "The verified") + "[store]\n# Where the store lies",
  );
  expect(exampleConfig()).toContain('# Who may use the doors.\n#allow = [ "127.0.0.0/8", "::1/128" ]\n');
});

test("the reference table has a row for each option", () => {
  const rows = configReference().trim().split("\n").slice(2);
  expect(rows).toContain(
    "| `proxy.connect_ports` | list of integer | `[ 443 ]` | Ports to which the proxy opens CONNECT tunnels. |",
  );
  expect(rows).toHaveLength(exampleConfig().match(/^#\w+ = /gm)!.length);
});
