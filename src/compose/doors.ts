import type { Config } from "../config.ts";
import type { Logger } from "../core/logger.ts";
import { BlobDoor } from "../proxy/blob-door.ts";
import { ConnectTunnel } from "../proxy/connect-tunnel.ts";
import { Doors } from "../proxy/doors.ts";
import { ForwardDoor } from "../proxy/forward-door.ts";
import type { Keeper } from "../proxy/keeper.ts";
import { MirrorDoor } from "../proxy/mirror-door.ts";
import { PassDoor } from "../proxy/pass-door.ts";
import { SnapshotDoor } from "../proxy/snapshot-door.ts";
import type { TrafficMeter } from "../proxy/traffic-meter.ts";
import type { StatusModel } from "../status/model.ts";
import { statusPage } from "../status/page.ts";
import { dialer } from "../upstream/dial.ts";
import type { Retrieval } from "./retrieval.ts";
import { wayOut } from "./upstream.ts";

/** What the doors open to. */
interface DoorParts extends Retrieval {
  readonly keeper: Keeper;
  readonly traffic: TrafficMeter;
  readonly status: StatusModel;
  readonly log: Logger;
}

/** Builds the doors. `via`: this agent's name in `Via` fields. */
export function buildDoors(config: Config, parts: DoorParts, via: string): Doors {
  const snapshots = new SnapshotDoor(parts);
  const pass = new PassDoor(parts, { via });
  const doors = { ...parts, snapshots, pass, blobs: new BlobDoor(parts) };
  const page = async (): Promise<string> => statusPage(parts.status.current());
  const mirror = new MirrorDoor({ ...doors, page });
  const forward = new ForwardDoor(doors);
  const tunnel = buildTunnel(config, via);
  const { listen, allow } = config.proxy;
  return new Doors({ mirror, forward, tunnel, log: parts.log }, { listen, allow, via });
}

function buildTunnel(config: Config, via: string): ConnectTunnel {
  const dial = dialer({ ...wayOut(config), timeoutMs: config.upstream.header_timeout });
  return new ConnectTunnel(dial, { ports: config.proxy.connect_ports, via });
}
