import { resolve } from "node:path";
import { chooseDirectories, type Directories } from "./directories.ts";
import { findConfigFile } from "./file.ts";

/** Where the config of an agent comes from. */
export interface ConfigPlace {
  /** Its file, absolute; undefined: there is none. */
  readonly file: string | undefined;
  /** The directories that count where the file names no others. */
  readonly directories: Pick<Directories, "state" | "store">;
}

/** Whom and where a config is looked for. */
export interface PlaceOptions {
  /** The config file that was asked for. @default /etc/distswarm.toml, else the user's own, where there is one */
  readonly file?: string | undefined;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** Below which the files of the system are looked for. @default "/" */
  readonly root?: string;
  /** @default the user id of the process */
  readonly uid?: number;
}

/** Finds where the config is of an agent that this user would run. */
export async function findConfig(options: PlaceOptions): Promise<ConfigPlace> {
  const { env = process.env, root = "/", uid = process.getuid?.() ?? 0 } = options;
  const directories = await chooseDirectories(root, uid, env);
  const file = options.file === undefined ? await findConfigFile(root, directories) : resolve(options.file);
  return { file, directories };
}
