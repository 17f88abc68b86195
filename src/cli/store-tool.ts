import type { StoreToolEvent } from "../core/agent-api.ts";
import type { Context } from "./command.ts";
import { renderToolFile, renderToolProgress, renderToolSummary } from "./render-tool.ts";
import { openScreen, type Screen } from "./screen.ts";

/**
 * Shows the events of `import`, `fsck` or `gc` while they come.
 *
 * @returns the files that were found damaged and are not repaired.
 */
export async function runStoreTool(events: AsyncIterable<StoreToolEvent>, context: Context): Promise<Set<string>> {
  const { io, options } = context;
  const damaged = new Set<string>();
  const screen = await openScreen(io);
  try {
    for await (const event of events) {
      noteDamage(event, damaged);
      if (options["json"] === true) io.stdout.write(`${JSON.stringify(event)}\n`);
      else show(event, screen);
    }
  } finally {
    screen.clear();
  }
  return damaged;
}

function noteDamage(event: StoreToolEvent, damaged: Set<string>): void {
  if (event.event !== "file") return;
  if (event.verdict === "damaged" || event.verdict === "unrepaired") damaged.add(event.file);
  if (event.verdict === "repaired") damaged.delete(event.file);
}

function show(event: StoreToolEvent, screen: Screen): void {
  if (event.event === "progress") return screen.draw(() => renderToolProgress(event));
  const line = event.event === "file" ? renderToolFile(event) : renderToolSummary(event);
  if (line !== undefined) screen.print(line);
}
