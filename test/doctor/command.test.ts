import { expect, test } from "vitest";
import { renderDoctor } from "../../src/cli/render-doctor.ts";
import { CHECKS } from "../../src/doctor/doctor.ts";
import { distswarm, runningAgent, temporaryConfig } from "../cli/cli.ts";
import { STATUS } from "../control/fake-agent.ts";

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

test("beside a running agent it looks at what that one has for a config, whatever it would find itself", async () => {
  const { file, dir } = await temporaryConfig('[store]\ndir = "/proc/of-the-agent"\n');
  const status = async () => ({ ...STATUS, state_dir: dir, config_file: file });
  const { out } = await distswarm(["doctor", ...(await runningAgent({ status }))]);
  expect(out).toMatch(new RegExp(`^\\S+ +agent +version .*, up 2 h 5 min, config file ${file}`));
  expect(out).toContain("disk room        not checked: /proc/of-the-agent is not there");
});

test("an agent without a config file has the defaults, and the directories that it says", async () => {
  const status = async () => ({
    ...STATUS,
    state_dir: "/proc/state",
    config_file: null,
    store: { ...STATUS.store, dir: "/proc/of-the-agent" },
  });
  const { out } = await distswarm(["doctor", ...(await runningAgent({ status }))]);
  expect(out).toMatch(/^\S+ +agent +version .*, up 2 h 5 min, no config file/);
  expect(out).toContain("disk room        not checked: /proc/of-the-agent is not there");
});
