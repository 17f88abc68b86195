import { Command as Program } from "commander";
import { VERSION } from "../core/version.ts";
import type { Command } from "./command.ts";
import { EXIT_CODE_HELP } from "./exit-code.ts";

/** What the command line asks for: a command with its arguments and options. */
export interface Invocation {
  readonly command: Command;
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** Where a command stands: the program itself, or its group, which is made with its first command. */
function parentOf(program: Program, { name, group, example }: Command): Program {
  const [first = ""] = name.split(" ");
  if (group === undefined) return program;
  return program.commands.find((made) => made.name() === first) ?? addGroup(program, first, { group, example });
}

function addGroup(program: Program, name: string, { group, example }: { group: string; example: string }): Program {
  return program.command(name).description(group).helpCommand(false).addHelpText("after", helpEnd(example));
}

function helpEnd(example: string): string {
  return `\n${EXIT_CODE_HELP}\n\nExample:\n  ${example}`;
}

function addCommand(program: Program, command: Command, chosen: (invocation: Invocation) => void): void {
  const name = command.name.split(" ").at(-1)!;
  const sub = parentOf(program, command).command(name).description(command.summary);
  if (command.arguments !== undefined) sub.argument(command.arguments);
  for (const [flags, sentence] of Object.entries(command.options ?? {})) sub.option(flags, sentence);
  if (command.json !== undefined) sub.option("--json", command.json);
  sub
    .option("--config <file>", "config file (default: /etc/distswarm.toml, none needed)")
    .addHelpText("after", helpEnd(command.example))
    .action(() => chosen({ command, args: sub.args, options: sub.opts() }));
}

/** An error of commander, as errors of ours look. */
function inOneLine(text: string): string {
  const line = text.trim().replace(/\s*\n\s*/g, " ");
  const hint = /^error: unknown command \S+$/.test(line) ? "; distswarm --help lists them" : "";
  return `${line.replace(/^error: /, "distswarm: ")}${hint}\n`;
}

/**
 * Reads the command line.
 *
 * @returns undefined when help or the version was asked for and has been written.
 * @throws {CommanderError} when it cannot be understood; one line about it has been written.
 */
export function parseCommandLine(
  argv: readonly string[],
  commands: readonly Command[],
  write: { out(text: string): void; err(text: string): void },
): Invocation | undefined {
  let invocation: Invocation | undefined;
  const program = new Program("distswarm")
    .description("A peer-to-peer distfiles agent for Gentoo: one agent on every box, no central server.")
    .version(VERSION)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: write.out,
      writeErr: write.err,
      outputError: (text) => write.err(inOneLine(text)),
    })
    .addHelpText("after", helpEnd("distswarm status"));
  for (const command of commands) addCommand(program, command, (chosen) => (invocation = chosen));
  if (argv.length === 0) program.error("error: no command given; distswarm --help lists them");
  program.parse(argv, { from: "user" });
  return invocation;
}
