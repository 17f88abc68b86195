import type { PeerStatus, Status } from "../core/agent-api.ts";
import { formatDuration, formatSize } from "../core/units.ts";
import { count, renderTable, type Cell } from "./table.ts";

const HEAD: Cell[] = [
  "box",
  "address",
  "found",
  { right: "holds" },
  { right: "got" },
  { right: "given" },
  "here for",
  "",
];

function renderPeer(peer: PeerStatus, now: number): Cell[] {
  const since = peer.since === undefined ? "" : formatDuration(now - Date.parse(peer.since));
  const faults = peer.faults ? count(peer.faults, "fault") : "";
  return [
    peer.host,
    peer.address,
    peer.found ?? "",
    { right: count(peer.distfiles, "distfile") },
    { right: formatSize(peer.received ?? 0) },
    { right: formatSize(peer.sent ?? 0) },
    since,
    [peer.problem, faults].filter(Boolean).join("; "),
  ];
}

/** Connections that were refused, by reason: `3 with a wrong key`. */
function renderRejected(swarm: Status["swarm"]): string {
  const counts = Object.entries((swarm["rejected"] ?? {}) as Record<string, number>).filter(([, number]) => number > 0);
  const turnedAway = Number(swarm["turned_away"] ?? 0);
  const all = turnedAway > 0 ? [...counts, ["at the blob port", turnedAway] as const] : counts;
  return all.length === 0 ? "" : `refused: ${all.map(([reason, number]) => `${number} ${reason}`).join(", ")}\n`;
}

/** The other boxes, a line each, and what was refused. */
export function renderPeers(swarm: Status["swarm"], now = Date.now()): string {
  const problem = typeof swarm["problem"] === "string" ? `${swarm["problem"]}\n` : "";
  const peers = swarm.peers.map((peer) => renderPeer(peer, now));
  const table =
    peers.length > 0 ? renderTable([HEAD, ...peers]) : "no other box is here: distswarm invite shows how to add one\n";
  return problem + table + renderRejected(swarm);
}
