import { expect, test } from "vitest";
import { agentsIn, newAgentName } from "../../../src/core/net/agent-names.ts";

test("the agents in a Via are told from other proxies, each once", () => {
  const [one, other] = [newAgentName(), newAgentName()];
  expect(agentsIn(`1.0 fred, 1.1 ${one} (Squid), 1.1 ${other}, 1.1 ${one}`)).toEqual([one, other]);
  for (const via of [undefined, "", "1.1 squid", "1.1 distswarm-", `1.1 my${one}`, `1.1 ${one}0`]) {
    expect(agentsIn(via)).toEqual([]);
  }
});
