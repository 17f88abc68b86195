import type { Io } from "./io.ts";

/** At most ten pictures a second: more cannot be read. */
const REDRAW_INTERVAL_MS = 100;

/** Where a command with progress writes: lines that stay, and on a terminal a picture below them that changes. */
export interface Screen {
  /** A line that stays, without its line break. */
  print(line: string): void;
  /** Shows what `render` gives, now or at a later call. Not on a terminal: nothing. */
  draw(render: () => string): void;
  /** Removes the picture. */
  clear(): void;
}

/** The screen on standard output, be it a terminal or not. */
export async function openScreen({ stdout }: Io): Promise<Screen> {
  if (stdout.isTTY !== true) {
    return { print: (line) => void stdout.write(`${line}\n`), draw: () => {}, clear: () => {} };
  }
  const { createLogUpdate } = await import("log-update");
  const update = createLogUpdate(stdout as NodeJS.WriteStream);
  let drawn = 0;
  return {
    print: (line) => update.persist(line),
    draw: (render) => {
      const now = performance.now();
      if (now - drawn < REDRAW_INTERVAL_MS) return;
      drawn = now;
      update(render());
    },
    clear: () => {
      update.clear();
      update.done();
    },
  };
}
