import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { run } from "../../src/cli/run.ts";
import type { AgentApi } from "../../src/core/report/agent-api.ts";
import { serve } from "../control/sockets.ts";
import { tempDir } from "../support/temp-dir.ts";

/** What one run of the command line came to. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Around a run: what stands on stdin, the environment, and what ends it like Ctrl-C. */
export interface Around {
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly interruption?: AbortSignal;
  /** Of the terminal that standard output is. @default it is none */
  readonly columns?: number;
  /** Called with each piece of standard output as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** Runs `distswarm` with these arguments within this process. */
export async function distswarm(args: readonly string[], around: Around = {}): Promise<Outcome> {
  const { columns } = around;
  const stdout = Object.assign(new PassThrough(), columns !== undefined && { isTTY: true, columns });
  const stderr = new PassThrough();
  stdout.on("data", (chunk: Buffer) => around.onOutput?.(chunk.toString()));
  const written = Promise.all([text(stdout), text(stderr)]);
  const code = await run(args, {
    stdin: Readable.from([around.stdin ?? ""]),
    stdout,
    stderr,
    env: around.env ?? {},
    interrupted: () => around.interruption ?? new AbortController().signal,
    becomesLog: () => {},
  });
  stdout.end();
  stderr.end();
  const [out, err] = await written;
  return { code, out, err };
}

/** A config file whose state directory is a temporary one; both are gone when the test ends. */
export async function temporaryConfig(more = ""): Promise<{ file: string; dir: string }> {
  const dir = await tempDir();
  const file = join(dir, "distswarm.toml");
  await writeFile(file, `state_dir = ${JSON.stringify(dir)}\n${more}`);
  return { file, dir };
}

/** A running agent with these methods; returns the options with which a command finds it. */
export async function runningAgent(methods: Partial<AgentApi> = {}): Promise<string[]> {
  const { file, dir } = await temporaryConfig();
  await serve(dir, methods);
  return ["--config", file];
}
