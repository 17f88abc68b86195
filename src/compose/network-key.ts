import { makeStateDir } from "../core/fs/make-dirs.ts";
import { NetworkKey, loadNetworkKey, saveNetworkKey } from "../swarm/network-key.ts";

/** The network key of a box whose agent does not run, as text; made when there is none. */
export async function readNetworkKey(stateDir: string): Promise<string> {
  await makeStateDir(stateDir);
  return (await loadNetworkKey(stateDir)).reveal();
}

/**
 * Puts a box whose agent does not run into a network.
 *
 * @throws {DistswarmError} `INVALID_NETWORK_KEY` with what is wrong with the text; nothing has changed then.
 */
export async function writeNetworkKey(stateDir: string, text: string): Promise<void> {
  const key = NetworkKey.parse(text);
  await makeStateDir(stateDir);
  await saveNetworkKey(stateDir, key);
}
