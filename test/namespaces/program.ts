import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Lan } from "./lan.ts";

interface Reply {
  readonly number?: number;
  readonly ready?: unknown;
  readonly result?: unknown;
  readonly error?: string;
}

/** A script of this directory that runs on a host of the LAN and answers calls: its side is calls.mjs. */
export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #ready: Promise<void>;
  #log = "";
  #calls = 0;

  private constructor(name: string, child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stderr.on("data", (text: Buffer) => (this.#log += text.toString()));
    child.stdin.on("error", () => {}); // it has ended: that is told below
    this.#ready = new Promise((resolve, reject) => {
      child.once("exit", () => {
        const error = `${name} ended:\n${this.#log}`;
        reject(new Error(error));
        for (const [number, answer] of this.#waiting) answer({ number, error });
      });
      createInterface({ input: child.stdout }).on("line", (line) => {
        const reply = JSON.parse(line) as Reply;
        if (reply.number === undefined) resolve();
        else this.#waiting.get(reply.number)?.(reply);
      });
    });
  }

  /** Starts a script with its settings; resolves when it is ready. */
  static async start(lan: Lan, host: number, script: string, settings: unknown = {}): Promise<Program> {
    const args = [join(import.meta.dirname, script), JSON.stringify(settings)];
    const program = new Program(`${script} on host ${host}`, lan.spawn(host, process.execPath, args));
    await program.#ready;
    return program;
  }

  /** What it wrote to its standard error so far. */
  get log(): string {
    return this.#log;
  }

  /** Calls one of its functions. Throws what that throws. */
  async call<T>(call: string, ...args: readonly unknown[]): Promise<T> {
    const number = (this.#calls += 1);
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(number, resolve));
    this.#child.stdin.write(`${JSON.stringify({ number, call, args })}\n`);
    const { result, error } = await reply;
    this.#waiting.delete(number);
    if (error !== undefined) throw new Error(error);
    return result as T;
  }

  /** Stops it in the middle of what it does, as a box that falls asleep, or lets it go on. */
  sleep(asleep: boolean): void {
    this.#child.kill(asleep ? "SIGSTOP" : "SIGCONT");
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    this.sleep(false); // who sleeps hears nothing
    await exited;
  }
}
