import type { ConfigPlace } from "../config/place.ts";
import type { AgentAnswer } from "../doctor/context.ts";
import type { Context } from "./command.ts";

/** Asks the running agent for its status. Never throws. */
export async function askAgent({ agent }: Pick<Context, "agent">): Promise<AgentAnswer> {
  try {
    return { status: await (await agent()).status() };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

/**
 * Where the running agent has its config from, for whoever looks at the box in its place: that one counts, whoever asks, and
 * with whatever file. Undefined where none answers.
 */
export function placeOf(answer: AgentAnswer): ConfigPlace | undefined {
  if (!("status" in answer) || answer.status.state_dir === undefined) return undefined;
  const { config_file: file, state_dir: state, store } = answer.status;
  return { file: file ?? undefined, directories: { state, store: store.dir } };
}
