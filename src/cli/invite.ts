import { hasCode } from "../core/errors.ts";
import type { Context, RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printResult } from "./print.ts";

/** `distswarm invite` */
export const run: RunCommand = async (context) => {
  const key = await networkKey(context);
  printResult(context, { key }, invitation(key));
  return EXIT.done;
};

function invitation(key: string): string {
  return `${key}

On each other box, as root or as the user that runs the agent there:

  echo ${key} | distswarm join -

Who has this key is let in: keep it to your boxes.
`;
}

/** From the running agent; where none runs, from its file. */
async function networkKey({ agent, load }: Context): Promise<string> {
  try {
    return await (await agent()).invite();
  } catch (error) {
    if (!hasCode(error, "AGENT_NOT_RUNNING")) throw error;
  }
  const { readNetworkKey } = await import("../compose/network-key.ts");
  return readNetworkKey((await load()).config.state_dir);
}
