import { expect, test } from "vitest";
import { renderDoctor } from "../../src/cli/render-doctor.ts";
import { CHECKS } from "../../src/doctor/doctor.ts";
import { distswarm, temporaryConfig } from "../cli/cli.ts";

test("what is well, what is not, and the mend stand in a table; the sum comes last", () => {
  expect(
    renderDoctor([
      { name: "agent", verdict: "ok", seen: "version 0.1.0" },
      { name: "keyring", verdict: "warn", seen: "there is none", mend: "emerge it" },
      { name: "tree", verdict: "fail", seen: "no tree", mend: "emerge --sync" },
      { name: "ports", verdict: "unchecked", seen: "not checked: no peer" },
    ]),
  ).toBe(`\
ok    agent    version 0.1.0
WARN  keyring  there is none
               mend: emerge it
FAIL  tree     no tree
               mend: emerge --sync
-     ports    not checked: no peer

1 well, 1 failure, 1 warning, 1 not checked.
`);
  expect(renderDoctor([{ name: "agent", verdict: "ok", seen: "up" }])).toContain("\nAll is well: 1 check.\n");
});

test("without an agent it fails with exit code 1, in text and in JSON", async () => {
  const { file } = await temporaryConfig();
  const shown = await distswarm(["doctor", "--config", file]);
  expect([shown.code, shown.err]).toEqual([1, ""]);
  expect(shown.out).toMatch(/^FAIL {2}agent +no agent is running.*\n +mend: rc-service distswarm start/);
  const { code, out } = await distswarm(["doctor", "--json", "--config", file]);
  const said = JSON.parse(out) as { ok: boolean; checks: { name: string }[] };
  expect([code, said.ok]).toEqual([1, false]);
  expect(said.checks.map(({ name }) => name)).toEqual(CHECKS.map(({ name }) => name));
});
