import { unlessHangs } from "../core/fs/unless-hangs.ts";
import { lookAround } from "../doctor/context.ts";
import { examine } from "../doctor/doctor.ts";
import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printResult } from "./print.ts";
import { renderDoctor } from "./render-doctor.ts";
import { askAgent, placeOf } from "./running-agent.ts";

/** `distswarm doctor` */
export const run: RunCommand = async (context) => {
  const { io, load } = context;
  const agent = await askAgent(context);
  const { config } = await unlessHangs(load(placeOf(agent)));
  const around = await lookAround({ root: "/", env: io.env, config, agent });
  const reports = await examine(around);
  const failed = reports.some(({ verdict }) => verdict === "fail");
  printResult(context, { ok: !failed, checks: reports }, renderDoctor(reports));
  return failed ? EXIT.failed : EXIT.done;
};
