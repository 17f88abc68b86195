import { text } from "node:stream/consumers";
import { DistswarmError, hasCode } from "../core/errors.ts";
import type { Context, RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";

/** `distswarm join` */
export const run: RunCommand = async (context) => {
  const { io, args } = context;
  const key = args[0] === "-" ? await text(io.stdin) : (args[0] ?? "");
  if (key.trim() === "") {
    throw new DistswarmError("USAGE", "no key came: distswarm invite on a box of that network prints it");
  }
  io.stdout.write(`this box is in that network ${await join(context, key)}\n`);
  return EXIT.done;
};

/** Tells the running agent, which changes at once; where none runs, the key is put in place. Since when it counts. */
async function join({ agent, load }: Context, key: string): Promise<string> {
  try {
    const running = await agent();
    const before = await running.invite();
    await running.join(key); // also where it is that key: its file may hold none
    return before === key.trim() ? "already" : "now; distswarm peers shows the other boxes in a moment";
  } catch (error) {
    if (!hasCode(error, "AGENT_NOT_RUNNING")) throw error;
  }
  const { writeNetworkKey } = await import("../compose/network-key.ts");
  await writeNetworkKey((await load()).config.state_dir, key);
  return "when its agent starts";
}
