import type { Config } from "../config.ts";
import { DistswarmError, systemCode } from "../core/errors.ts";
import { authorityOf } from "../core/net/host.ts";
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

async function undo({ io }: Context, root: string): Promise<number> {
  const undone = await undoSetup(root);
  io.stdout.write(renderUndone(undone));
  return undone.left.length > 0 ? EXIT.failed : EXIT.done;
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
  const { path = "a file of Portage" } = error as NodeJS.ErrnoException;
  return new DistswarmError("NOT_PERMITTED", `${path} cannot be changed: run distswarm setup as root`, {
    cause: error,
  });
}
