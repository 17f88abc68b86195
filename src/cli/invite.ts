import { hasCode } from "../core/errors.ts";
import type { Context, RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { asJson } from "./json.ts";

/** `distswarm invite` */
export const run: RunCommand = async (context) => {
  const { io, options } = context;
  const key = await networkKey(context);
  if (options["json"] === true) io.stdout.write(asJson({ key }));
  else
    io.stdout.write(
      `${key}\n\nOn each other box, as root or as the user that runs the agent there:\n\n  echo ${key} | distswarm join -\n\nWho has this key is let in: keep it to your boxes.\n`,
    );
  return EXIT.done;
};

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
