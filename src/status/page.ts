import type { Status, Tally } from "../core/agent-api.ts";
import { formatDuration, formatSize } from "../core/units.ts";

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd}td.n{text-align:right}
.warn{background:#fff4d6;padding:.5rem .75rem;margin:.25rem 0}code{background:#f2f2f2;padding:0 .2rem}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}td,th{border-color:#444}.warn{background:#4a3c10}code{background:#333}}`;

/** The status as a page for a browser at the mirror door's root. Pure: status -> HTML. */
export function statusPage(status: Status): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>distswarm on ${escape(status.host)}</title><style>${STYLE}</style></head><body>
<h1>distswarm on ${escape(status.host)}</h1>
<p>Version ${escape(status.version)}, up ${formatDuration(status.uptime_seconds * 1000)}.
Portage finds this mirror at <code>${escape(status.proxy.listen[0] ?? "")}</code>.</p>
${status.warnings.map((warning) => `<p class="warn">${escape(warning)}</p>`).join("\n")}
<h2>Given to this box</h2>
<table><tr><th>from</th><th>requests</th><th>bytes</th></tr>
${servedRow("the store", status.served.store)}
${servedRow("peers", status.served.peer)}
${servedRow("upstream", status.served.upstream)}
${servedRow("passed through", status.passed)}
</table>
<h2>Kept here</h2>
<p>${status.store.blobs} distfiles, ${formatSize(status.store.bytes)} of ${formatSize(status.store.max_bytes)};
in DISTDIR ${status.store.distdir.blobs}, ${formatSize(status.store.distdir.bytes)}.
Known from ${status.index.manifests} Manifests: ${status.index.distfiles} distfiles.</p>
${transfersTable(status)}
</body></html>
`;
}

function servedRow(label: string, tally: Tally): string {
  return `<tr><td>${label}</td><td>${tally.requests}</td><td>${formatSize(tally.bytes)}</td></tr>`;
}

function transfersTable(status: Status): string {
  if (status.transfers.length === 0) return "";
  const rows = status.transfers.map(({ name, received, size, source }) => {
    const percent = size === 0 ? 100 : Math.floor((100 * received) / size);
    return `<tr><td>${escape(name)}</td><td>${percent} % of ${formatSize(size)}</td><td>${escape(source ?? "")}</td></tr>`;
  });
  return `<h2>Under way</h2><table>${rows.join("\n")}</table>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
