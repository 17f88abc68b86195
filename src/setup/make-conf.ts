import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readMakeConf } from "../portage/make-conf.ts";
import { nothing, readForEdit, withLines, type Proposal } from "./edit.ts";

const MAKE_CONF = "/etc/portage/make.conf";
const OLD_MAKE_CONF = "/etc/make.conf";
/** In a make.conf directory: read after the others, so that its line counts. */
const OWN_FILE = "zz-distswarm.conf";
const MARK = "# distswarm: what is fetched by plain http goes through the agent (distswarm setup --undo takes it out)";
/** The mark with the line that it stands above. */
const OWN_LINES = new RegExp(`^${MARK.replace(/[()]/g, "\\$&")}\n.*\n`, "m");

/** What decides on the change. */
export interface MakeConfWish {
  /** The agent's door, as in `http://127.0.0.1:8480`. */
  readonly url: string;
  /** Whether the agent itself goes through a proxy (`upstream.proxy`). */
  readonly agentHasProxy: boolean;
}

/** Proposes the `http_proxy` line for make.conf below `root`. */
export async function proposeMakeConf(root: string, { url, agentHasProxy }: MakeConfWish): Promise<Proposal> {
  const { variables, warnings } = await readMakeConf(root);
  const current = variables.get("http_proxy") ?? "";
  if (current === url) return nothing();
  if (current !== "" && !agentHasProxy && !isOurs(await ownText(root))) return nothing(otherProxy(current));
  const path = await makeConfFile(root);
  const damage = warnings.find((warning) => warning.startsWith(`${path}:`));
  if (damage !== undefined) return nothing(`${damage}: mend that first, Portage does not read the file to its end`);
  const before = await readForEdit(path);
  return { edit: { path, before, after: withHttpProxy(before ?? "", url) }, notes: [] };
}

/** The text of a make.conf with the `http_proxy` line at its end, where it counts; an older one of ours is replaced. */
export function withHttpProxy(text: string, url: string): string {
  return withLines(text.replace(OWN_LINES, ""), [MARK, `http_proxy="${url}"`]);
}

function otherProxy(current: string): string {
  return (
    `make.conf stays as it is: http_proxy is ${current} already. If the agent is to go through that proxy, set ` +
    `upstream.proxy = "${current}" in /etc/distswarm.toml, restart it, and run setup again`
  );
}

function isOurs(text: string): boolean {
  return OWN_LINES.test(text);
}

async function ownText(root: string): Promise<string> {
  return (await readForEdit(await makeConfFile(root))) ?? "";
}

/** The file that gets the line: make.conf, or one of our own where that is a directory. */
async function makeConfFile(root: string): Promise<string> {
  for (const path of [MAKE_CONF, OLD_MAKE_CONF].map((path) => join(root, path))) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() === true) return join(path, OWN_FILE);
    if (found !== undefined) return path;
  }
  return join(root, MAKE_CONF);
}
