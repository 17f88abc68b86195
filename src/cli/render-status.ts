import type { Status } from "../core/report/status.ts";
import type { PeerStatus } from "../core/report/swarm-status.ts";
import { formatSeconds, formatSize } from "../core/text/units.ts";
import { verdict } from "../core/report/verdict.ts";
import { count, percent } from "../core/text/words.ts";
import { renderMirrors } from "./render-mirrors.ts";
import { renderTraffic } from "./render-traffic.ts";
import { renderTransfers } from "./render-transfers.ts";
import { renderTable } from "./table.ts";

/** A live picture has room for so many transfers, and for other lines. */
const WATCHED_TRANSFERS = 12;

/** A blank line, a heading and what stands under it; nothing when nothing does. */
function block(heading: string, body: string): string {
  return body === "" ? "" : `\n${heading}\n${body}`;
}

function renderStore({ store, index }: Status): string {
  const full = percent(store.bytes, store.max_bytes);
  const room = `${formatSize(store.bytes)} of ${formatSize(store.max_bytes)} (${full})`;
  const lines = [`store     ${count(store.blobs, "blob")}, ${room} in ${store.dir}`];
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

function renderSnapshots({ snapshots }: Status): string {
  return renderTable(snapshots.map(({ name, verified }) => [name, verified ? "verified" : "not verified"]));
}

/** Whether it works, and what came from where. */
function renderHead(status: Status): string {
  return [
    `distswarm ${status.version} on ${status.host}, up ${formatSeconds(status.uptime_seconds)}\n`,
    `${verdict(status)}\n`,
    block("Given to this box", renderTraffic(status)),
  ].join("");
}

function renderWarnings({ warnings }: Status): string {
  return block("Warnings", warnings.map((warning) => `  ${warning}\n`).join(""));
}

/** `distswarm status` as text: whether it works, what came from where, the parts, then what needs mending. */
export function renderStatus(status: Status): string {
  const { peers, unoffered } = status.swarm;
  const noPeers = unoffered === undefined ? "none" : `none, and none is looked for: ${unoffered}`;
  return [
    renderHead(status),
    renderStore(status),
    block("Peers", renderPeers(peers) || `  ${noPeers}\n`),
    block("Tree snapshots", renderSnapshots(status)),
    block("Under way", renderTransfers(status.transfers)),
    block("Mirrors with trouble", renderMirrors(status.mirrors.filter(({ problem }) => problem !== undefined))),
    renderWarnings(status),
  ].join("");
}

/** One picture of `distswarm status --watch`: what changes while one looks. */
export function renderWatch(status: Status): string {
  return [
    renderHead(status),
    block("Under way", renderTransfers(status.transfers, WATCHED_TRANSFERS) || "  nothing\n"),
    renderWarnings(status),
  ].join("");
}
