import { visible } from "../core/text/visible.ts";
import type { createLogUpdate } from "log-update";
import type { Io } from "./io.ts";
import { fitRows } from "./table.ts";

/** At most ten pictures a second: more cannot be read. */
const REDRAW_INTERVAL_MS = 100;

/** Where a command with progress writes: lines that stay, and on a terminal a picture below them that changes. */
export interface Screen {
  /** Whether pictures are seen: on a terminal. */
  readonly live: boolean;
  /** A line that stays, without its line break. */
  print(line: string): void;
  /** Shows what `render` gives, now or at a later call. Not on a terminal: nothing. */
  draw(render: () => string): void;
  /** Removes the picture. */
  clear(): void;
}

/** The screen on standard output, be it a terminal or not; one that cannot move its cursor counts as none. */
export async function openScreen({ stdout, env }: Io): Promise<Screen> {
  if (stdout.isTTY !== true || env["TERM"] === "dumb") {
    return { live: false, print: (line) => void stdout.write(`${visible(line)}\n`), draw: () => {}, clear: () => {} };
  }
  const logUpdate = await import("log-update");
  return new TerminalScreen(stdout, logUpdate.createLogUpdate(stdout as NodeJS.WriteStream));
}

class TerminalScreen implements Screen {
  readonly live = true;
  readonly #stdout: Io["stdout"];
  readonly #picture: ReturnType<typeof createLogUpdate>;
  /** When the picture was drawn that stands there now; undefined while there is none. */
  #drawnAt: number | undefined;

  constructor(stdout: Io["stdout"], picture: ReturnType<typeof createLogUpdate>) {
    this.#stdout = stdout;
    this.#picture = picture;
  }

  print(line: string): void {
    this.clear();
    this.#stdout.write(`${visible(line)}\n`);
  }

  draw(render: () => string): void {
    const now = performance.now();
    if (this.#drawnAt !== undefined && now - this.#drawnAt < REDRAW_INTERVAL_MS) return;
    this.#drawnAt = now;
    this.#picture(fitRows(visible(render()), this.#stdout.columns));
  }

  clear(): void {
    if (this.#drawnAt === undefined) return;
    this.#drawnAt = undefined;
    this.#picture.clear();
    this.#picture.done();
  }
}
