import type { Context as CheckContext } from "../doctor/context.ts";
import { lookAround } from "../doctor/context.ts";
import { examine } from "../doctor/doctor.ts";
import type { Context, RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { renderDoctor } from "./render-doctor.ts";

/** `distswarm doctor` */
export const run: RunCommand = async (context) => {
  const { io, options, load } = context;
  const { config } = await load();
  const around = await lookAround({ root: "/", env: io.env, config, agent: await askAgent(context) });
  const reports = await examine(around);
  const failed = reports.some(({ verdict }) => verdict === "fail");
  const json = `${JSON.stringify({ ok: !failed, checks: reports }, null, 2)}\n`;
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
