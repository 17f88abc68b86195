import type { SnapshotStatus } from "../core/snapshots.ts";
import type { PeerStatus } from "../core/report/swarm-status.ts";
import { formatSize } from "../core/text/units.ts";
import { renderTable, type Cell } from "./table.ts";

/** Characters of an id that tell a peer of which no more is known. */
const SHORT_ID = 8;

/** A line for each tree snapshot; empty for none. */
export function renderSnapshots(snapshots: readonly SnapshotStatus[], peers: readonly PeerStatus[]): string {
  const hosts = new Map(peers.map(({ id, host }) => [id, host]));
  const hostOf = (id: string): string => hosts.get(id) ?? id.slice(0, SHORT_ID);
  return renderTable(snapshots.map((snapshot) => renderSnapshot(snapshot, snapshot.peers.map(hostOf))));
}

function renderSnapshot(
  { date, size, verified, signed_by, signed_at }: SnapshotStatus,
  hosts: readonly string[],
): Cell[] {
  return [
    date,
    { right: formatSize(size) },
    verified ? "verified" : "not verified",
    `signed ${signed_at.slice(0, "YYYY-MM-DDTHH:MM".length).replace("T", " ")} UTC by ${signed_by}`,
    hosts.length === 0 ? "" : `also on ${hosts.join(", ")}`,
  ];
}
