import type { MirrorStatus, PeerStatus, Status, TransferStatus } from "../core/agent-api.ts";
import { formatSeconds, formatSize } from "../core/units.ts";
import { verdict } from "../core/verdict.ts";
import { count, percent } from "../core/words.ts";
import { trafficTable } from "../core/traffic-table.ts";

/** The page is asked for again after so long, so that progress is seen. */
const REFRESH_SECONDS = 5;

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin-top:2rem}.about{color:#666;margin-top:0}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem 1rem .25rem 0;border-bottom:1px solid #ddd}
th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums}progress{width:8rem}
.verdict{font-size:1.1rem}.warn{background:#fff4d6;padding:.5rem .75rem;margin:.25rem 0;overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}.about{color:#999}td,th{border-color:#444}.warn{background:#4a3c10}}`;

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
${section("Under way", ["file", "", ">of", "from"], status.transfers.map(transferRow))}
${traffic(status)}
${section("Kept here", ["", "", ""], keptHere(status))}
${section("Peers", ["box", "address", ">holds", ""], status.swarm.peers.map(peerRow))}
${section("Tree snapshots", ["name", ">size", ""], status.snapshots.map(snapshotRow))}
${section("Mirrors with trouble", ["mirror", ""], status.mirrors.filter(({ problem }) => problem !== undefined).map(mirrorRow))}
</body></html>
`;
}

/** A heading and its table; nothing without rows. A `>` before a column's name sets its numbers to the right. */
function section(heading: string, columns: readonly string[], rows: readonly (readonly Html[])[]): Html {
  if (rows.length === 0) return "";
  const isNumber = columns.map((name) => name.startsWith(">"));
  const row = (cells: readonly Html[], tag: string): Html =>
    `<tr>${cells.map((cell, at) => `<${tag}${isNumber[at] ? ' class="n"' : ""}>${cell}</${tag}>`).join("")}</tr>\n`;
  const head = row(
    columns.map((name) => escape(name.replace(">", ""))),
    "th",
  );
  return `<h2>${escape(heading)}</h2>\n<table>${head}${rows.map((cells) => row(cells, "td")).join("")}</table>`;
}

function transferRow({ name, received, size, source }: TransferStatus): Html[] {
  const bar = `<progress max="${Math.max(size, 1)}" value="${received}"></progress> ${percent(received, size)}`;
  return [escape(name), bar, formatSize(size), escape(source ?? "waits for a source")];
}

/** Amount and share of each span stand in a column of their own. */
function traffic(status: Status): Html {
  const { spans, rows } = trafficTable(status);
  const columns = ["", ...spans.flatMap((span) => [`>${span}`, ""])];
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

function mirrorRow({ url, problem = "" }: MirrorStatus): Html[] {
  return [escape(url), escape(problem)];
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
