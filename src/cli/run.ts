import { join } from "node:path";
import { CommanderError } from "commander";
import type { Config } from "../config.ts";
import type { LoadedConfig } from "../config/load.ts";
import { DistswarmError, messageOf } from "../core/errors.ts";
import type { Context } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import type { Io } from "./io.ts";
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
    const command = await invocation.command.load();
    return await command.run(contextOf(invocation, { ...io, interrupted }));
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (interruption?.aborted === true && error === interruption.reason) return EXIT.interrupted;
    write.err(`${describe(error)}\n`);
    return exitCodeOf(error);
  }
}

/** One line for an error of ours; all that is known for one that is nobody's plan. */
function describe(error: unknown): string {
  const expected = error instanceof DistswarmError || !(error instanceof Error);
  return `distswarm: ${expected ? messageOf(error) : (error.stack ?? error.message)}`;
}

function contextOf({ args, options }: Invocation, io: Io): Context {
  const load = async (): Promise<LoadedConfig> => {
    const { loadConfig } = await import("../config/load.ts");
    return loadConfig({ file: options["config"] as string | undefined, env: io.env });
  };
  const agent = async () => {
    const { ControlClient } = await import("../control/client.ts");
    return new ControlClient({ dir: await agentDir((await load()).config, io.env) });
  };
  return { io, args, options, load, agent };
}

/**
 * Where the agent's sockets are: in the config's state directory; for an ordinary user who runs no agent, in that of the
 * installed one.
 */
async function agentDir(config: Config, env: NodeJS.ProcessEnv): Promise<string> {
  const { allows, SYSTEM_DIRECTORIES, userDirectories } = await import("../config/directories.ts");
  const ownDefault = config.state_dir === userDirectories(env).state;
  const system = SYSTEM_DIRECTORIES.state;
  const runsNone = ownDefault && !(await allows(join(config.state_dir, "status.sock")));
  return runsNone && (await allows(system)) ? system : config.state_dir;
}
