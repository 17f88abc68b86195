import type { PeerStatus, Status, Tally, TransferStatus } from "../core/agent-api.ts";
import { formatDuration, formatSize } from "../core/units.ts";
import { renderMirrors } from "./render-mirrors.ts";
import { count, percent, renderTable, type Cell } from "./table.ts";

/** The answer to "does it work?", one or two sentences. */
function verdict(status: Status): string {
  if (status.proxy.listen.length === 0) return "It does not work: no door listens, so Portage cannot reach it.";
  const at = `Portage reaches it at ${status.proxy.listen.join(" and ")}.`;
  if (status.warnings.length > 0) return `It works, with ${count(status.warnings.length, "warning")} (below). ${at}`;
  if (!status.index.ready) return `It works; the Manifests are still being read. ${at}`;
  return `It works. ${at}`;
}

/** A blank line, a heading and what stands under it; nothing when nothing does. */
function block(heading: string, body: string): string {
  return body === "" ? "" : `\n${heading}\n${body}`;
}

function renderServed({ served, passed, uploaded }: Status): string {
  const all = [served.store, served.peer, served.upstream];
  const bytes = all.reduce((sum, tally) => sum + tally.bytes, 0);
  const row = (what: string, tally: Tally, share?: string): Cell[] => [
    what,
    { right: count(tally.requests, "request") },
    { right: formatSize(tally.bytes) },
    { right: share ?? "" },
  ];
  const table = renderTable([
    row("from this box", served.store, percent(served.store.bytes, bytes)),
    row("from peers", served.peer, percent(served.peer.bytes, bytes)),
    row("from upstream", served.upstream, percent(served.upstream.bytes, bytes)),
    row("passed through", passed),
    row("given to peers", uploaded),
  ]);
  const saved = bytes - served.upstream.bytes;
  return `${table}  saved: ${formatSize(saved)} (${percent(saved, bytes)}) did not come over the line\n`;
}

function renderStore({ store, index }: Status): string {
  const full = percent(store.bytes, store.max_bytes);
  const lines = [
    `store     ${count(store.blobs, "blob")}, ${formatSize(store.bytes)} of ${formatSize(store.max_bytes)} (${full}) in ${store.dir}`,
  ];
  const { path, blobs, bytes } = store.distdir;
  if (path !== null) lines.push(`DISTDIR   ${count(blobs, "blob")}, ${formatSize(bytes)} shared from ${path}`);
  const from = index.repos.length === 0 ? "no ebuild repository" : index.repos.join(", ");
  lines.push(`index     ${count(index.distfiles, "distfile")} in ${count(index.manifests, "Manifest")} of ${from}`);
  return `\n${lines.join("\n")}\n`;
}

function renderPeers(peers: readonly PeerStatus[]): string {
  return renderTable(
    peers.map((peer) => [peer.host, peer.address, { right: count(peer.distfiles, "distfile") }, peer.problem ?? ""]),
  );
}

function renderTransfer(transfer: TransferStatus): Cell[] {
  return [
    transfer.name,
    { right: percent(transfer.received, transfer.size) },
    { right: `of ${formatSize(transfer.size)}` },
    transfer.source === undefined ? "waits for a source" : `from ${transfer.source}`,
    { right: count(transfer.clients, "client") },
    { right: formatDuration(transfer.seconds * 1000) },
  ];
}

function renderSnapshots({ snapshots }: Status): string {
  return renderTable(snapshots.map(({ name, verified }) => [name, verified ? "verified" : "not verified"]));
}

/** `distswarm status` as text: whether it works, what came from where, the parts, then what needs mending. */
export function renderStatus(status: Status): string {
  const { peers } = status.swarm;
  return [
    `distswarm ${status.version} on ${status.host}, up ${formatDuration(status.uptime_seconds * 1000)}\n`,
    `${verdict(status)}\n`,
    block("Given to this box", renderServed(status)),
    renderStore(status),
    block("Peers", renderPeers(peers) || "  none\n"),
    block("Tree snapshots", renderSnapshots(status)),
    block("Under way", renderTable(status.transfers.map(renderTransfer))),
    block("Mirrors with trouble", renderMirrors(status.mirrors.filter(({ problem }) => problem !== undefined))),
    block("Warnings", status.warnings.map((warning) => `  ${warning}\n`).join("")),
  ].join("");
}
