import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readMakeConf } from "../portage/make-conf.ts";
import { gentooMirrors } from "../portage/mirrors.ts";
import { nothing, readForEdit, withLines, type Proposal } from "./edit.ts";
import { leadsTo } from "./leads-to.ts";
import { ownFile } from "./own-file.ts";

const MAKE_CONF = "/etc/portage/make.conf";
const OLD_MAKE_CONF = "/etc/make.conf";
const MARK = "# distswarm: what is fetched by plain http goes through the agent (distswarm setup --undo takes it out)";
/** The mark with the line that it stands above, and the URL in that. */
const OWN_LINES = new RegExp(`^${MARK.replace(/[()]/g, "\\$&")}\nhttp_proxy="(.*)"\n`, "m");

/** What decides on the change. */
interface MakeConfWish {
  /** The agent's door, as in `http://127.0.0.1:8480`. */
  readonly url: string;
  /** Whether the agent itself goes through a proxy (`upstream.proxy`). */
  readonly agentHasProxy: boolean;
}

/** Proposes the `http_proxy` line for make.conf below `root`. */
export async function proposeMakeConf(root: string, { url, agentHasProxy }: MakeConfWish): Promise<Proposal> {
  const { variables, damage } = await readMakeConf(root);
  const path = await makeConfFile(root);
  const before = await readForEdit(path);
  const current = variables.get("http_proxy") ?? "";
  const isOthers = current !== "" && current !== OWN_LINES.exec(before ?? "")?.[1];
  if (leadsTo(url)(current)) return nothing();
  if (isOthers && !agentHasProxy) return nothing(otherProxy(current));
  const broken = damage.find((warning) => warning.startsWith(`${path}:`));
  if (broken !== undefined) return nothing(`${broken}: mend that first, Portage does not read the file to its end`);
  return { edit: { path, before, after: withHttpProxy(before ?? "", url) }, notes: wayAround(variables) };
}

/** The text of a make.conf with the `http_proxy` line at its end, where it counts; an older one of ours is replaced. */
export function withHttpProxy(text: string, url: string): string {
  return withLines(text.replace(OWN_LINES, ""), [MARK, `http_proxy="${url}"`]);
}

/** What to add where every mirror is reached through `http_proxy` alone; wget goes to https, ftp and paths without it. */
function wayAround(variables: ReadonlyMap<string, string>): string[] {
  if (!gentooMirrors(variables).every((mirror) => mirror.startsWith("http:"))) return [];
  return [
    "All of GENTOO_MIRRORS are http, so Portage reaches none of them while the agent is down. One with https at the end, as in " +
      'GENTOO_MIRRORS="${GENTOO_MIRRORS} https://distfiles.gentoo.org", gives it a way around the agent',
  ];
}

function otherProxy(current: string): string {
  return (
    `make.conf stays as it is: http_proxy is ${current} already. If the agent is to go through that proxy, set ` +
    `upstream.proxy = "${current}" in /etc/distswarm.toml, restart it, and run setup again`
  );
}

/** The file that gets the line: make.conf, or one of our own where that is a directory. */
async function makeConfFile(root: string): Promise<string> {
  for (const path of [MAKE_CONF, OLD_MAKE_CONF].map((path) => join(root, path))) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() === true) return ownFile(path);
    if (found !== undefined) return path;
  }
  return join(root, MAKE_CONF);
}
