import { lookAround } from "../doctor/context.ts";
import { examine } from "../doctor/doctor.ts";
import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { asJson } from "./json.ts";
import { renderDoctor } from "./render-doctor.ts";
import { askAgent, placeOf } from "./running-agent.ts";

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
