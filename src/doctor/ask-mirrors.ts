import { access } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { messageOf } from "../core/errors.ts";
import { askDoor } from "./http.ts";

/** How one mirror answered. */
export interface MirrorAnswer {
  readonly mirror: string;
  /** Why it cannot be used; undefined when it can. */
  readonly problem?: string;
  /** What time it says it is, in milliseconds since 1970. */
  readonly time?: number;
}

/** Asks each mirror through a door of the agent, so by the way that the agent goes; none without a door. */
export async function askMirrors(mirrors: readonly string[], door: string | undefined): Promise<MirrorAnswer[]> {
  if (door === undefined) return [];
  return Promise.all(mirrors.map((mirror) => (isAbsolute(mirror) ? lookAt(mirror) : ask(mirror, door))));
}

async function lookAt(mirror: string): Promise<MirrorAnswer> {
  return access(mirror).then(
    () => ({ mirror }),
    () => ({ mirror, problem: "there is no such directory" }),
  );
}

async function ask(mirror: string, door: string): Promise<MirrorAnswer> {
  try {
    const target = `${mirror}/distfiles/layout.conf`;
    const head = await askDoor(door, target, "HEAD"); // what has a body counts as passed through
    const { status, headers, body } = head.status < 500 ? head : await askDoor(door, target);
    if (status >= 500) return { mirror, problem: body.split("\n")[0] || `it answers ${status}` };
    const time = Date.parse(headers.date ?? "");
    return Number.isNaN(time) ? { mirror } : { mirror, time };
  } catch (error) {
    return { mirror, problem: messageOf(error) };
  }
}
