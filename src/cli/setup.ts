import type { Config } from "../config.ts";
import { DistswarmError, systemCode } from "../core/errors.ts";
import { authorityOf } from "../core/net/host.ts";
import { waysTo } from "../setup/pointing.ts";
import { applyEdits, planSetup, undoSetup } from "../setup/setup.ts";
import type { Context, RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { renderPlan, renderUndone } from "./render-setup.ts";
import { askAgent, placeOf } from "./running-agent.ts";

/** `distswarm setup [--webrsync] [--write | --undo]` */
export const run: RunCommand = (context) => runSetup(context, "/");

/** The same for the system below `root`. */
export async function runSetup(context: Context, root: string): Promise<number> {
  const { options } = context;
  if (options["undo"] === true && (options["write"] === true || options["webrsync"] === true)) {
    throw new DistswarmError("USAGE", "setup --undo goes with no other option");
  }
  try {
    return await (options["undo"] === true ? undo(context, root) : change(context, root));
  } catch (error) {
    throw explained(error);
  }
}

async function change(context: Context, root: string): Promise<number> {
  const { io, options, load } = context;
  const { config } = await load(placeOf(await askAgent(context)));
  const webrsync = options["webrsync"] === true;
  const write = options["write"] === true;
  const agentHasProxy = config.upstream.proxy !== null;
  const plan = await planSetup(root, { url: doorUrl(config), agentHasProxy, webrsync });
  if (write) await applyEdits(root, plan.edits);
  io.stdout.write(renderPlan(plan, { written: write, webrsync }));
  return EXIT.done;
}

/** Done only when Portage asks the agent no more, whoever told it to. */
async function undo(context: Context, root: string): Promise<number> {
  const undone = await undoSetup(root);
  const ways = await waysLeft(context, root);
  context.io.stdout.write(renderUndone(undone, ways));
  return undone.left.length + ways.length > 0 ? EXIT.failed : EXIT.done;
}

/** An undo needs no config: without a readable one nobody can tell, and there are none. */
async function waysLeft(context: Context, root: string): Promise<string[]> {
  const { config } = await context.load(placeOf(await askAgent(context))).catch(() => ({ config: undefined }));
  return config === undefined ? [] : waysTo(root, doorUrl(config));
}

const WILDCARDS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Where Portage on this box finds the agent: the first door, at an address that leads to it. */
export function doorUrl({ proxy }: Pick<Config, "proxy">): string {
  const [first] = proxy.listen;
  if (first === undefined) throw new DistswarmError("INVALID_CONFIG", "proxy.listen names no address: no door is open");
  const host = WILDCARDS[first.host] ?? first.host;
  return `http://${authorityOf(host, first.port)}`;
}

function explained(error: unknown): unknown {
  if (!["EACCES", "EPERM", "EROFS"].includes(systemCode(error) ?? "")) return error;
  const { path = "a file of Portage", dest = path } = error as NodeJS.ErrnoException & { dest?: string };
  return new DistswarmError("NOT_PERMITTED", `${dest} cannot be changed: ${remedy(systemCode(error)!)}`, {
    cause: error,
  });
}

function remedy(code: string): string {
  if (code === "EROFS") return "its file system is read-only, remount it";
  return process.geteuid?.() === 0
    ? `root may not either (${code}), lsattr shows whether it is immutable`
    : "run distswarm setup as root";
}
