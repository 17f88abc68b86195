import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printResult } from "./print.ts";
import { renderExplanation } from "./render-explain.ts";

/** `distswarm explain NAME|URL|DIGEST` */
export const run: RunCommand = async (context) => {
  const [asked = ""] = context.args;
  const explanation = await (await context.agent()).explain(asked);
  printResult(context, explanation, renderExplanation(explanation));
  return EXIT.done;
};
