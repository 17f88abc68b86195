import { join } from "node:path";
import { socketName } from "../core/report/agent-sockets.ts";
import { allows, SYSTEM_DIRECTORIES, userDirectories } from "./directories.ts";
import { readConfigFile } from "./file.ts";
import { findConfig, type PlaceOptions } from "./place.ts";

/**
 * Where the agent's sockets are: in the config's state directory; for an ordinary user who runs no agent, in that of the
 * installed one. Nothing else of the config is looked at: the rest takes longer than an answer of the agent, and a mistake
 * in it is no reason to show no status.
 *
 * @throws {DistswarmError} `INVALID_CONFIG`: the file cannot be read, or `state_dir` is wrong in it.
 */
export async function findAgentDir(options: PlaceOptions = {}): Promise<string> {
  const { env = process.env, root = "/" } = options;
  const configured = await stateDir(options);
  const runsNone = configured === userDirectories(env).state && !(await allows(join(configured, socketName("status"))));
  const system = SYSTEM_DIRECTORIES.state;
  return runsNone && (await allows(join(root, system))) ? system : configured;
}

async function stateDir(options: PlaceOptions): Promise<string> {
  const { file, directories } = await findConfig(options);
  const { state_dir: given = directories.state } = file === undefined ? {} : await readConfigFile(file);
  if (typeof given === "string" && given.startsWith("/")) return given;
  const { loadConfig } = await import("./load.ts"); // says what is wrong with it
  return (await loadConfig(options)).config.state_dir;
}
