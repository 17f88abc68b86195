import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestFile } from "../support/repository.ts";
import type { Lan } from "./lan.ts";
import { Program } from "./program.ts";

/** A mirror on a host of the LAN whose line has a rate, that says what it sent to whom, and that can be spoilt. */
export class PacedMirror {
  readonly url: string;
  readonly #program: Program;

  private constructor(url: string, program: Program) {
    this.url = url;
    this.#program = program;
  }

  /** Starts one that has these files; all who ask share `rate` bytes a second. */
  static async start(
    lan: Lan,
    number: number,
    { port, files, rate }: { port: number; files: readonly TestFile[]; rate: number },
  ): Promise<PacedMirror> {
    const dir = await mkdtemp(join(tmpdir(), "distswarm-mirror-"));
    try {
      for (const { name, bytes } of files) await writeFile(join(dir, name), bytes);
      const program = await Program.start(lan, number, "mirror.mjs", { dir, port, rate }); // it has read them then
      return new PacedMirror(`http://${lan.address(number)}:${port}`, program);
    } finally {
      await rm(dir, { recursive: true });
    }
  }

  /** Bytes of a file that it sent, by the address of who asked. */
  async sentTo({ name }: TestFile): Promise<ReadonlyMap<string, number>> {
    return new Map(Object.entries(await this.#program.call<Record<string, number>>("sent", name)));
  }

  /** Bytes of these files that it sent. */
  async sent(...files: readonly TestFile[]): Promise<number> {
    const counts = await Promise.all(files.map((file) => this.sentTo(file)));
    return counts.flatMap((byAddress) => [...byAddress.values()]).reduce((sum, bytes) => sum + bytes, 0);
  }

  /** From now on one byte of the file is wrong. */
  spoil({ name }: TestFile, at: number): Promise<void> {
    return this.#program.call("spoil", name, at);
  }
}
