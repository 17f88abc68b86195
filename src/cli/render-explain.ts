import type { Attempt } from "../core/report/attempt.ts";
import { claimText, type ClaimEvent } from "../core/claim/claim-event.ts";
import type { ExplainedFile, Explanation } from "../core/report/explanation.ts";
import { formatDuration, formatSize } from "../core/text/units.ts";
import { percent } from "../core/text/words.ts";
import { renderTable, type Cell } from "./table.ts";

function renderAttempt(attempt: Attempt): Cell[] {
  const first = attempt.first_ms === undefined ? "no answer" : `answered after ${formatDuration(attempt.first_ms)}`;
  return [
    attempt.at,
    attempt.source,
    attempt.times === undefined ? attempt.outcome : `${attempt.outcome}, ${attempt.times} times`,
    { right: formatSize(attempt.bytes) + (attempt.offset === 0 ? "" : ` from ${formatSize(attempt.offset)} on`) },
    first,
    { right: `${formatDuration(attempt.ms)} in all` },
    attempt.detail ?? "",
  ];
}

function renderClaim(claim: ClaimEvent): Cell[] {
  return [claim.at, claimText(claim)];
}

function where({ here, transfer }: ExplainedFile): string {
  if (here !== undefined) return `here, in ${here.where === "store" ? "the store" : "DISTDIR"}: ${here.path}`;
  if (transfer === undefined) return "not on this box";
  const source = transfer.source === undefined ? "waits for a source" : `comes from ${transfer.source}`;
  return `under way: ${percent(transfer.received, transfer.size)}, ${source}`;
}

/** Whether there is something to say of the other boxes: a claim that nobody else hears of is no news. */
function concernsOthers({ claims, sources, attempts }: ExplainedFile): boolean {
  const isOfPeer = ({ kind }: { kind: string }): boolean => kind === "peer";
  if (claims.length === 0) return false;
  return claims.some(({ box }) => box !== undefined) || sources.some(isOfPeer) || attempts.some(isOfPeer);
}

function renderFile(file: ExplainedFile): string {
  const facts: [string, string][] = [
    ["digest", file.digest],
    ["size", `${formatSize(file.size)} (${file.size} bytes)`],
    ["names", file.names.join(" ") || "none in the Manifests of this box"],
    ["packages", file.packages.join(" ") || "none"],
    ["where", where(file)],
    ["why", file.why],
    ...(file.withheld ?? []).map((text): [string, string] => ["left out", text]),
    ...(file.without_src_uri ?? []).map((repo): [string, string] => ["SRC_URI", `not known: ${repo} has no md5-cache`]),
  ];
  const sources = file.sources.map(({ kind, source }, index): Cell[] => [{ right: `${index + 1}.` }, kind, source]);
  return [
    `\n${renderTable(facts)}`,
    sources.length === 0 ? "  no source is known now\n" : `  it would be asked for, in this order:\n`,
    renderTable(sources, "    "),
    file.attempts.length === 0 ? "  not retrieved since the agent started\n" : "  last time:\n",
    renderTable(file.attempts.map(renderAttempt), "    "),
    concernsOthers(file) ? `  and with the other boxes:\n${renderTable(file.claims.map(renderClaim), "    ")}` : "",
  ].join("");
}

/** `distswarm explain` as text. */
export function renderExplanation(explanation: Explanation): string {
  const head = `${explanation.asked}\n  ${explanation.meaning}\n`;
  const several = explanation.files.length > 1 ? `  ${explanation.files.length} files have this name\n` : "";
  return `${head}${several}${explanation.files.map(renderFile).join("")}`;
}
