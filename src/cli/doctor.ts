import type { ConfigPlace } from "../config/place.ts";
import type { Context as CheckContext } from "../doctor/context.ts";
import { lookAround } from "../doctor/context.ts";
import { examine } from "../doctor/doctor.ts";
import type { Context, RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { asJson } from "./json.ts";
import { renderDoctor } from "./render-doctor.ts";

/** `distswarm doctor` */
export const run: RunCommand = async (context) => {
  const { io, options, load } = context;
  const agent = await askAgent(context);
  const { config } = await load(placeOf(agent));
  const around = await lookAround({ root: "/", env: io.env, config, agent });
  const reports = await examine(around);
  const failed = reports.some(({ verdict }) => verdict === "fail");
  const json = asJson({ ok: !failed, checks: reports });
  io.stdout.write(options["json"] === true ? json : renderDoctor(reports));
  return failed ? EXIT.failed : EXIT.done;
};

async function askAgent({ agent }: Context): Promise<CheckContext["agent"]> {
  try {
    return { status: await (await agent()).status() };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** Where the running agent has its config from: what is checked is that one, whoever asks, and with whatever file. */
function placeOf(agent: CheckContext["agent"]): ConfigPlace | undefined {
  if (!("status" in agent) || agent.status.state_dir === undefined) return undefined;
  const { config_file: file, state_dir: state, store } = agent.status;
  return { file: file ?? undefined, directories: { state, store: store.dir } };
}
