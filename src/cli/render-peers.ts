import type { LastRejected, PeerStatus, SwarmStatus } from "../core/report/swarm-status.ts";
import { formatDuration, formatSize } from "../core/text/units.ts";
import { count } from "../core/text/words.ts";
import { renderTable, type Cell } from "./table.ts";

const HEAD: Cell[] = [
  "box",
  "address",
  "found",
  { right: "holds" },
  { right: "got" },
  { right: "given" },
  "here for",
  "id, for swarm.deny",
  "",
];

/** The codes under which the status counts who was refused (swarm/rejections.ts), in words. */
const REFUSED: Readonly<Record<string, string>> = {
  no_proof: "without the network key",
  wrong_proof: "with a wrong network key",
  silent: "that sent no proof in time",
  other_protocol: "with the protocol of another version",
  denied: "listed in swarm.deny",
  outside: "from outside swarm.networks",
  rule: "that broke the protocol",
  full: "for want of a free place",
  turned_away: "at the blob port",
};

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
    peer.id,
    [peer.problem, faults].filter(Boolean).join("; "),
  ];
}

/** Connections that were refused, by reason: `3 with a wrong network key (last from 10.0.0.7 at 2026-11-21T06:44:30Z)`. */
function renderRefused({ rejected, last_rejected: last = {}, turned_away = 0 }: SwarmStatus): string {
  const counts = Object.entries({ ...rejected, turned_away });
  const told = counts
    .filter(([, number]) => number > 0)
    .map(([code, number]) => `${number} ${REFUSED[code] ?? code}${renderLast(last[code])}`);
  return told.length === 0 ? "" : `refused: ${told.join(", ")}\n`;
}

function renderLast(last: LastRejected | undefined): string {
  if (last === undefined) return "";
  const from = last.address === undefined ? "" : ` from ${last.address}`;
  return ` (last${from} at ${last.at.replace(/\.\d+/, "")})`;
}

/** Those of `swarm.peers` with which there is no session, and why. */
function renderUnreached({ static: configured = [] }: SwarmStatus): string {
  const lost = configured.filter(({ problem }) => problem !== undefined);
  return lost.map(({ address, problem }) => `swarm.peers: ${address}: ${problem}\n`).join("");
}

function renderNobody({ problem, unoffered }: SwarmStatus): string {
  if (problem !== undefined) return "no other box is here\n";
  if (unoffered !== undefined) return `no other box is here, and none is looked for: ${unoffered}\n`;
  return "no other box is here: distswarm invite shows how to add one\n";
}

/** The other boxes, a line each, those that are configured and not reached, and what was refused. */
export function renderPeers(swarm: SwarmStatus, now = Date.now()): string {
  const problem = swarm.problem === undefined ? "" : `${swarm.problem}\n`;
  const peers = swarm.peers.map((peer) => renderPeer(peer, now));
  const table = peers.length > 0 ? renderTable([HEAD, ...peers]) : renderNobody(swarm);
  return problem + table + renderUnreached(swarm) + renderRefused(swarm);
}
