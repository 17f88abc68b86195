import { resolve } from "node:path";
import { CommanderError } from "commander";
import type { LoadedConfig } from "../config/load.ts";
import type { ConfigPlace } from "../config/place.ts";
import { DistswarmError, messageOf } from "../core/errors.ts";
import { visible } from "../core/text/visible.ts";
import type { Context } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { failWith } from "./fail-with.ts";
import type { Io } from "./io.ts";
import { requireNode } from "./node-version.ts";
import { parseCommandLine, type Invocation } from "./program.ts";

/** Runs the command that `argv` (without node and script) names; resolves to the exit code, never rejects. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let interruption: AbortSignal | undefined;
  const interrupted = () => (interruption ??= io.interrupted());
  const write = {
    out: (text: string) => void io.stdout.write(text),
    err: (text: string) => void io.stderr.write(text),
  };
  try {
    const invocation = parseCommandLine(argv, COMMANDS, write);
    if (invocation === undefined) return EXIT.done;
    requireNode();
    const context = contextOf(invocation, { ...io, interrupted });
    const command = await invocation.command.load();
    return await command.run(context).catch((error: unknown) => failWith(error, context.load));
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (interruption?.aborted === true && error === interruption.reason) return EXIT.interrupted;
    write.err(`${visible(describe(error))}\n`);
    return exitCodeOf(error);
  }
}

/** One line for an error of ours, and for one of the system's; all that is known for one that is nobody's plan. */
function describe(error: unknown): string {
  const expected = error instanceof DistswarmError || !(error instanceof Error) || "syscall" in error;
  return `distswarm: ${expected ? messageOf(error) : (error.stack ?? error.message)}`;
}

function contextOf({ args, options }: Invocation, io: Io): Context {
  const config = options["config"] as string | undefined;
  // resolved once: an agent may lose the directory in which it was started, and reads its config again
  const source = { file: config === undefined ? undefined : resolve(config), env: io.env };
  const load = async (place?: ConfigPlace): Promise<LoadedConfig> => {
    const { loadConfig } = await import("../config/load.ts");
    return loadConfig({ ...source, place });
  };
  const agent = async () => {
    const { ControlClient } = await import("../control/client.ts");
    const { findAgentDir } = await import("../config/agent-dir.ts");
    return new ControlClient({ dir: await findAgentDir(source) });
  };
  return { io, args, options, load, agent };
}
