import type { ConfigPlace } from "../config/place.ts";
import type { Status } from "../core/agent-api.ts";
import type { Context } from "./command.ts";

/** What the running agent says of itself; or why it does not. */
type AgentAnswer = { readonly status: Status } | { readonly error: Error };

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
