import type { LoadedConfig } from "../config/load.ts";
import type { ConfigPlace } from "../config/place.ts";
import type { AgentApi } from "../core/report/agent-api.ts";
import type { Io } from "./io.ts";

/** What a command is run with. */
export interface Context {
  readonly io: Io;
  /** The arguments that are no options. */
  readonly args: readonly string[];
  /** The options that were given, by their names in camel case. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Loads the config, as for the agent that this user would run or from `place`; throws `INVALID_CONFIG`. */
  load(place?: ConfigPlace): Promise<LoadedConfig>;
  /** The running agent; whether there is one shows at the first call. */
  agent(): Promise<AgentApi>;
}

/** What the file of a command exports as `run`: does it and resolves to the exit code. */
export type RunCommand = (context: Context) => Promise<number>;

/** A command as the command line and the help have it; its code is loaded only when it is run. */
export interface Command {
  /** One word, or two: then the first is a group of commands. */
  readonly name: string;
  /** What the help says of the group that it is in. */
  readonly group?: string;
  /** Its arguments in commander's notation, such as `[dir]` or `<names...>`. */
  readonly arguments?: string;
  /** One sentence. */
  readonly summary: string;
  /** Flags and sentence of each option, besides `--config` and `--json`. */
  readonly options?: Readonly<Record<string, string>>;
  /** What `--json` prints; absent: there is no `--json`. */
  readonly json?: string;
  readonly example: string;
  load(): Promise<{ run: RunCommand }>;
}
