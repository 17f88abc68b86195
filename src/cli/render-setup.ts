import { count } from "../core/text/words.ts";
import { renderDiff } from "../setup/diff.ts";
import type { LeftFile, Plan, Undone } from "../setup/setup.ts";

const UNDO_HINT = "`distswarm setup --undo` gives back what was there.\n";

/** What `setup` would change, or has changed: a diff for each file, then what else is to be said, and what to run. */
export function renderPlan(
  { edits, notes }: Plan,
  { written, webrsync }: { written: boolean; webrsync: boolean },
): string {
  const said = notes.map((note) => `${note}.\n`).join("");
  if (edits.length === 0)
    return `${said}${notes.length > 0 ? "" : "Portage uses the agent already. "}Nothing to change.\n`;
  const files = count(edits.length, "file");
  const outcome = written
    ? `Changed ${files}. ${UNDO_HINT}`
    : `Nothing was changed. \`distswarm setup ${webrsync ? "--webrsync " : ""}--write\` makes these changes in ${files}.\n`;
  return `${edits.map(renderDiff).join("\n")}\n${said}${outcome}`;
}

/** What `setup --undo` came to; by `ways` that setup has not made, or others have changed, Portage asks the agent still. */
export function renderUndone({ restored, cleared, gone, left }: Undone, ways: readonly string[]): string {
  const lines = [
    ...restored.map((path) => `as it was before: ${path}\n`),
    ...cleared.map((path) => `changed since, so only what setup put in is out: ${path}\n`),
    ...gone.map((path) => `changed since, and nothing that setup put in stands there any more: ${path}\n`),
    ...left.map(renderLeft),
  ];
  const undone = lines.join("") || "Nothing to undo: setup has changed nothing.\n";
  return ways.length === 0
    ? undone
    : `${undone}Portage still asks this agent, by ${ways.join(", ")}: take that out by hand.\n`;
}

function renderLeft({ path, backup, lines }: LeftFile): string {
  const before = backup === undefined ? "there was no such file before" : `what was there before is in ${backup}`;
  return `changed since, so take out by hand what setup put in: ${path} (${before})\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
