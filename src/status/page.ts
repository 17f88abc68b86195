import type { MirrorStatus } from "../core/report/mirror-status.ts";
import type { Status } from "../core/report/status.ts";
import type { PeerStatus } from "../core/report/swarm-status.ts";
import { trafficTable } from "../core/report/traffic-table.ts";
import type { TransferStatus } from "../core/report/transfer-status.ts";
import { formatSeconds, formatSize } from "../core/text/units.ts";
import { verdict } from "../core/report/verdict.ts";
import { count, percent } from "../core/text/words.ts";
import { STYLE } from "./page-style.ts";

/** The page is asked for again after so long, so that progress is seen. */
const REFRESH_SECONDS = 5;

/** Text as it may stand in HTML. */
type Html = string;

/** The status as a page for a browser at the mirror door's root. Pure: status -> HTML. */
export function statusPage(status: Status): Html {
  const { host, version, uptime_seconds, warnings } = status;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<title>distswarm on ${escape(host)}</title><style>${STYLE}</style></head><body>
<h1>distswarm on ${escape(host)}</h1>
<p class="about">version ${escape(version)}, up ${formatSeconds(uptime_seconds)}</p>
<p class="verdict">${escape(verdict(status))}</p>
${warnings.map((warning) => `<p class="warn">${escape(warning)}</p>`).join("\n")}
${section("Under way", ["file", ">", ">of", "from"], status.transfers.map(transferRow))}
${traffic(status)}
${section("Kept here", ["", "", ""], keptHere(status))}
${section("Peers", ["box", "address", ">holds", ""], status.swarm.peers.map(peerRow))}
${section("Tree snapshots", ["name", ">size", ""], status.snapshots.map(snapshotRow))}
${section("Mirrors with trouble", ["mirror", ""], status.mirrors.flatMap(troubledMirrorRow))}
</body></html>
`;
}

/**
 * A heading and its table; nothing without rows. A `>` before a column's name sets its numbers to the right; without any
 * name there is no line of them.
 */
function section(heading: string, columns: readonly string[], rows: readonly (readonly Html[])[]): Html {
  if (rows.length === 0) return "";
  const isNumber = columns.map((name) => name.startsWith(">"));
  const row = (cells: readonly Html[], tag: string): Html =>
    `<tr>${cells.map((cell, at) => `<${tag}${isNumber[at] ? ' class="n"' : ""}>${cell}</${tag}>`).join("")}</tr>\n`;
  const names = columns.map((name) => escape(name.replace(">", "")));
  const head = names.some(Boolean) ? row(names, "th") : "";
  return `<h2>${escape(heading)}</h2>\n<table>${head}${rows.map((cells) => row(cells, "td")).join("")}</table>`;
}

function transferRow({ name, received, size, source }: TransferStatus): Html[] {
  const bar = `<progress max="${Math.max(size, 1)}" value="${received}"></progress>`;
  return [escape(name) + bar, percent(received, size), formatSize(size), escape(source ?? "waits for a source")];
}

/** Amount and share of each span stand in a column of their own. */
function traffic(status: Status): Html {
  const { spans, rows } = trafficTable(status);
  const columns = ["", ...spans.flatMap((span) => [`>${span}`, ">"])];
  const cells = rows.map(({ label, cells }) => [label, ...cells.flatMap(({ amount, share }) => [amount, share])]);
  return section("Given to this box", columns, cells);
}

function peerRow({ host, address, distfiles, problem }: PeerStatus): Html[] {
  return [escape(host), escape(address), count(distfiles, "distfile"), escape(problem ?? "")];
}

function snapshotRow({ name, size, verified }: Status["snapshots"][number]): Html[] {
  return [escape(name), formatSize(size), verified ? "verified" : "not verified"];
}

function keptHere({ store, index }: Status): Html[][] {
  const { path, blobs, bytes } = store.distdir;
  const full = `${formatSize(store.bytes)} of ${formatSize(store.max_bytes)} (${percent(store.bytes, store.max_bytes)})`;
  const repos = index.repos.length === 0 ? "no ebuild repository" : index.repos.join(", ");
  const known = `${count(index.distfiles, "distfile")} in ${count(index.manifests, "Manifest")}`;
  return [
    ["store", count(store.blobs, "blob"), `${full} in ${escape(store.dir)}`],
    ...(path === null ? [] : [["DISTDIR", count(blobs, "blob"), `${formatSize(bytes)} shared from ${escape(path)}`]]),
    ["index", known, `of ${escape(repos)}`],
  ];
}

function troubledMirrorRow({ url, problem }: MirrorStatus): Html[][] {
  return problem === undefined ? [] : [[escape(url), escape(problem)]];
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): Html {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
