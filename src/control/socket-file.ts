import { once } from "node:events";
import { chmod, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";
import { DistswarmError, messageOf, systemCode } from "../core/errors.ts";
import { makeStateDir } from "../core/fs/make-dirs.ts";

/** Until {@link listenAt} has set what was asked for, nobody but the owner may connect. */
const OWNER_ONLY_UMASK = 0o177;

/** Whether somebody answers at a Unix socket. */
async function isAlive(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    if (["ENOENT", "ECONNREFUSED"].includes(systemCode(error) ?? "")) return false;
    throw error;
  } finally {
    socket.destroy();
  }
}

async function clear(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    const code = systemCode(error) ?? messageOf(error);
    if (code === "ENOENT") return;
    throw new DistswarmError("ADDRESS_IN_USE", `no socket can be made at ${path} (${code}): remove what is there`, {
      cause: error,
    });
  }
}

/**
 * Makes `server` listen at a Unix socket with this mode, in place of one that a dead agent left behind.
 *
 * @throws {DistswarmError} `ADDRESS_IN_USE` when a living agent listens there, or what is there cannot be replaced;
 * `STORE_UNUSABLE` without its directory.
 */
export async function listenAt(server: Server, path: string, mode: number): Promise<void> {
  await makeStateDir(dirname(path));
  if (await isAlive(path)) {
    throw new DistswarmError(
      "ADDRESS_IN_USE",
      `another agent is running: it listens at ${path}; stop it, or give this one a state_dir and a store.dir of its own`,
    );
  }
  await clear(path);
  const umask = process.umask(OWNER_ONLY_UMASK);
  server.listen(path); // binds before it returns
  process.umask(umask);
  await once(server, "listening");
  await chmod(path, mode);
}
