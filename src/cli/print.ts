import { visible } from "../core/text/visible.ts";
import type { Context } from "./command.ts";
import type { Io } from "./io.ts";
import { fitRows } from "./table.ts";

/** Prints what a command came to: `value` with `--json`, else the text. */
export function printResult({ io, options }: Pick<Context, "io" | "options">, value: unknown, text: string): void {
  if (options["json"] === true) io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  else printText(io, text);
}

/** Prints a text so that its tables fit the terminal that it is printed to. */
export function printText({ stdout }: Pick<Io, "stdout">, text: string): void {
  stdout.write(fitRows(visible(text), stdout.columns));
}
