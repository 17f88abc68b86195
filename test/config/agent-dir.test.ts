import { expect, test } from "vitest";
import { findAgentDir } from "../../src/config/agent-dir.ts";
import { rootWith } from "../portage/tree.ts";

test("it is what the config file says, whatever else is wrong there", async () => {
  const root = await rootWith({ "/etc/distswarm.toml": 'state_dir = "/srv/state"\n[store]\nmax_sise = 1\n' });
  expect(await findAgentDir({ root, env: {}, uid: 0 })).toBe("/srv/state");
});

test("without a config file it is the system's for root", async () => {
  expect(await findAgentDir({ root: await rootWith({}), env: {}, uid: 0 })).toBe("/var/lib/distswarm");
});

test("it is the user's own where no agent is installed", async () => {
  const env = { HOME: "/home/ann" };
  expect(await findAgentDir({ root: await rootWith({}), env, uid: 1000 })).toBe("/home/ann/.local/state/distswarm");
});

test("a state_dir that is none is named", async () => {
  const root = await rootWith({ "/etc/distswarm.toml": "state_dir = 7\n" });
  await expect(findAgentDir({ root, env: {}, uid: 0 })).rejects.toThrow("state_dir is 7; it must be an absolute path");
});
