import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";

/** Where the config file is, and where the agent keeps what it keeps, when the config does not say. */
export interface Directories {
  readonly configFile: string;
  readonly state: string;
  readonly store: string;
}

/** Those of an installed agent. */
export const SYSTEM_DIRECTORIES: Directories = {
  configFile: "/etc/distswarm.toml",
  state: "/var/lib/distswarm",
  store: "/var/cache/distswarm",
};

/**
 * Those of an ordinary user, by the XDG base directory specification (0.8): a variable that is unset or no absolute path
 * counts as its default below the home directory.
 */
export function userDirectories(env: NodeJS.ProcessEnv): Directories {
  const home = homeOf(env);
  const base = (variable: string, fallback: string) => {
    const value = env[variable] ?? "";
    return value.startsWith("/") ? value : join(home, fallback);
  };
  return {
    configFile: join(base("XDG_CONFIG_HOME", ".config"), "distswarm.toml"),
    state: join(base("XDG_STATE_HOME", ".local/state"), "distswarm"),
    store: join(base("XDG_CACHE_HOME", ".cache"), "distswarm"),
  };
}

/** `/` for a user without one, as containers have them: that it cannot write there is told better than that it has none. */
function homeOf({ HOME = "" }: NodeJS.ProcessEnv): string {
  if (HOME.startsWith("/")) return HOME;
  try {
    return userInfo().homedir;
  } catch {
    return "/"; // no passwd knows this user
  }
}

/** Those that fit who runs it: the system's (below `root`) for root and for who may write there, else the user's own. */
export async function chooseDirectories(root: string, uid: number, env: NodeJS.ProcessEnv): Promise<Directories> {
  const installed = uid === 0 || (await allows(join(root, SYSTEM_DIRECTORIES.state), constants.W_OK));
  return installed ? SYSTEM_DIRECTORIES : userDirectories(env);
}

/** Whether the process may use `path` in the way that `mode` (of `fs.constants`) says; by default, whether it exists. */
export async function allows(path: string, mode: number = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
