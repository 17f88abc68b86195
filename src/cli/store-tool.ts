import { toLine } from "../control/ndjson.ts";
import type { StoreToolEvent } from "../core/report/store-tool-event.ts";
import type { Context } from "./command.ts";
import { renderToolFile, renderToolProgress, renderToolSummary } from "./render-tool.ts";
import { openScreen, type Screen } from "./screen.ts";

type Verdict = Extract<StoreToolEvent, { event: "file" }>["verdict"];

/** What a script must be told of by the exit code. */
const FAULTS: ReadonlySet<Verdict> = new Set(["damaged", "unrepaired", "wrong", "skipped", "unreadable"]);

/**
 * Shows the events of `import`, `fsck` or `gc` while they come; `done` says what they do with the bytes.
 *
 * @returns the files that are left at fault: damaged and not repaired, or named by a Manifest and not taken in.
 */
export async function runStoreTool(
  events: AsyncIterable<StoreToolEvent>,
  context: Context,
  done: string,
): Promise<Set<string>> {
  const { io, options } = context;
  const faulty = new Set<string>();
  const screen = await openScreen(io);
  try {
    for await (const event of events) {
      noteFault(event, faulty);
      if (options["json"] === true) io.stdout.write(toLine(event));
      else show(event, screen, done);
    }
  } finally {
    screen.clear();
  }
  return faulty;
}

function noteFault(event: StoreToolEvent, faulty: Set<string>): void {
  if (event.event !== "file") return;
  if (FAULTS.has(event.verdict)) faulty.add(event.file);
  if (event.verdict === "repaired") faulty.delete(event.file);
}

function show(event: StoreToolEvent, screen: Screen, done: string): void {
  if (event.event === "progress") return screen.draw(() => renderToolProgress(event));
  const line = event.event === "file" ? renderToolFile(event) : renderToolSummary(event, done);
  if (line !== undefined) screen.print(line);
}
