import { expect, test } from "vitest";
import { checkConfig } from "../../src/config/check.ts";
import type { RawConfig } from "../../src/config/file.ts";
import { reloader } from "../../src/config/reload.ts";

const configOf = (raw: RawConfig): ReturnType<typeof checkConfig> => checkConfig(raw, "test");

test("options that come into effect together do so once, others by themselves, and the rest waits", () => {
  const called: string[] = [];
  const mirrors = (): void => void called.push("mirrors");
  const level = (): void => void called.push("level");
  const live = { "upstream.mirrors": mirrors, "upstream.custom_mirrors": mirrors, "log.level": level };
  const reload = reloader(configOf({}), live);
  const upstream = { mirrors: ["http://a.example"], custom_mirrors: ["local http://b.example"], transfers: 3 };
  const next = configOf({ upstream, log: { level: "debug" } });
  const { applied, waiting } = reload(next);
  expect(new Set(applied)).toEqual(new Set(Object.keys(live)));
  expect(waiting).toEqual(["upstream.transfers"]);
  expect(called.toSorted()).toEqual(["level", "mirrors"]);
  expect(reload(next)).toEqual({ applied: [], waiting });
  expect(called).toHaveLength(2);
});
