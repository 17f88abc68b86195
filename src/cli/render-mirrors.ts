import type { MirrorStatus } from "../core/report/mirror-status.ts";
import { formatSize } from "../core/text/units.ts";
import { count } from "../core/text/words.ts";
import { renderTable, type Cell } from "./table.ts";

function state({ problem, avoided_until: until }: MirrorStatus): string {
  if (problem === undefined) return "";
  return until === undefined ? problem : `${problem}; asked last until ${until}`;
}

function renderMirror(mirror: MirrorStatus): Cell[] {
  return [
    mirror.url,
    mirror.layout,
    { right: count(mirror.requests, "request") },
    { right: count(mirror.failures, "failure") },
    { right: formatSize(mirror.bytes) },
    { right: mirror.rate === undefined ? "" : `${formatSize(Math.round(mirror.rate))}/s` },
    state(mirror),
  ];
}

/** A line for each mirror; empty for none. */
export function renderMirrors(mirrors: readonly MirrorStatus[]): string {
  return renderTable(mirrors.map(renderMirror));
}
