import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { socketName } from "../core/report/agent-sockets.ts";
import type { Context } from "./context.ts";

const SERVICE_USER = "distswarm";
const READ = 4;
const ENTER = 1;

/** The user that the agent runs as. */
interface Reader {
  readonly uid: number;
  readonly gids: readonly number[];
}

/** Owner and permissions of a file. */
interface Owned {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Who runs the agent: the owner of its socket, else the service's user; undefined when there is neither. */
export async function agentReader({ root, config }: Pick<Context, "root" | "config">): Promise<Reader | undefined> {
  const socket = await stat(join(root, config.state_dir, socketName("status"))).catch(() => undefined);
  const users = await rows(join(root, "/etc/passwd"));
  const user = users.find(([name, , uid]) =>
    socket === undefined ? name === SERVICE_USER : Number(uid) === socket.uid,
  );
  if (user === undefined) return socket && { uid: socket.uid, gids: [socket.gid] };
  const [name = "", , uid, gid] = user;
  const groups = await rows(join(root, "/etc/group"));
  const joined = groups
    .filter(([, , , members = ""]) => members.split(",").includes(name))
    .map(([, , id]) => Number(id));
  return { uid: Number(uid), gids: [Number(gid), ...joined] };
}

/** The fields of passwd(5) or group(5); none when it cannot be read. */
async function rows(path: string): Promise<string[][]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").map((line) => line.split(":"));
}

/** Whether permissions let somebody do all that `bits` (of one octal digit) say. */
export function permits({ uid, gid, mode }: Owned, reader: Reader, bits: number): boolean {
  if (reader.uid === 0) return true;
  const shift = uid === reader.uid ? 6 : reader.gids.includes(gid) ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

/** What keeps the reader from a file or directory below `root`: itself or one above it; undefined when nothing does. */
export async function barrier(root: string, path: string, reader: Reader): Promise<string | undefined> {
  for (let above = dirname(path); above !== "/" && above !== "."; above = dirname(above)) {
    if (!permits(await stat(join(root, above)), reader, ENTER)) return above;
  }
  const found = await stat(join(root, path));
  return permits(found, reader, found.isDirectory() ? READ | ENTER : READ) ? undefined : path;
}
