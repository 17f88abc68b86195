import type { FetchEvent } from "../core/report/fetch-event.ts";
import { formatSize } from "../core/text/units.ts";
import { about, count, percent } from "../core/text/words.ts";
import type { FetchBoard, FetchLine } from "./fetch-board.ts";
import { renderTable } from "./table.ts";

const ORIGINS = { store: "already here", peer: "from peers", upstream: "from upstream" } as const;

/** More files under way than this are counted, not shown. */
const MAX_SHOWN = 16;

/** The line that stays when a file has begun, come or failed; undefined for progress. `line`: before that event. */
export function renderFetchEvent(event: FetchEvent, line: FetchLine): string | undefined {
  if (event.event === "started") return `${event.name}: ${formatSize(event.size)}`;
  if (event.event === "done") return `${line.name}: done, ${formatSize(event.bytes)} ${ORIGINS[event.from]}`;
  if (event.event === "failed") return `${event.name}: failed: ${event.message}`;
  return undefined;
}

/** The lines that change: one for each file under way, and one in total. */
export function renderFetchBoard(board: FetchBoard): string {
  const shown = board.underWay.slice(0, MAX_SHOWN);
  const hidden = board.underWay.length - shown.length;
  const table = renderTable(
    shown.map(({ name, size, received, source }) => [
      name,
      { right: percent(received, size) },
      { right: `of ${formatSize(size)}` },
      source === undefined ? "waits for a source" : `from ${source}`,
    ]),
  );
  const ended = board.done.length + board.failed.length;
  const bytes = [...board.done.map((event) => event.bytes), ...board.underWay.map((line) => line.received)];
  const sum = formatSize(bytes.reduce((total, part) => total + part, 0));
  const more = hidden > 0 ? `  and ${hidden} more under way\n` : "";
  return `${table}${more}${ended} of ${count(board.total, "file")}, ${sum}\n`;
}

/** What came from where, and what failed and why. */
export function renderFetchSummary(board: FetchBoard): string {
  const parts = Object.entries(ORIGINS).flatMap(([from, words]) => {
    const bytes = board.done.filter((event) => event.from === from).map((event) => event.bytes);
    const sum = bytes.reduce((total, part) => total + part, 0);
    return bytes.length === 0 ? [] : [`${bytes.length} ${words} (${formatSize(sum)})`];
  });
  const failures = board.failed.map(({ name, message }) => `  ${about(name, message)}\n`).join("");
  const failed = failures === "" ? "" : `${count(board.failed.length, "file")} failed:\n${failures}`;
  return `${count(board.done.length, "file")}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}\n${failed}`;
}
