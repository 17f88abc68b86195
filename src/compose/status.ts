import type { Config } from "../config.ts";
import type { Database } from "../core/database.ts";
import { StatusModel } from "../status/model.ts";
import { TrafficCounter } from "../status/traffic-counter.ts";
import { TrafficLedger } from "../status/traffic-ledger.ts";
import type { Retrieval } from "./retrieval.ts";

/** What there is to tell of the agent beside its parts. */
interface StatusInit {
  readonly db: Database;
  /** What the config and the start have to tell. */
  readonly notes: () => readonly string[];
  /** `host:port` of each door that is open. */
  readonly listening: () => readonly string[];
  /** The file that the config was read from. */
  readonly configFile: () => string | undefined;
}

/** The status, and what counts for it. */
interface StatusParts {
  readonly status: StatusModel;
  readonly traffic: TrafficCounter;
  readonly ledger: TrafficLedger;
}

/** Builds the status over all parts. */
export function buildStatus(config: Config, parts: Retrieval, init: StatusInit): StatusParts {
  const { db, notes, listening, configFile } = init;
  const { index, store, lan, upstream, snapshots, retriever } = parts;
  const traffic = new TrafficCounter({ uploaded: () => lan.traffic.uploaded() });
  const ledger = new TrafficLedger({ counter: traffic, table: db.sublevel("traffic", { valueEncoding: "json" }) });
  const status = new StatusModel({
    id: lan.id,
    stateDir: config.state_dir,
    configFile,
    listen: listening,
    swarm: () => ({ ...lan.swarm.status(), peers: lan.status(), turned_away: lan.traffic.turnedAway }),
    store: { usage: () => store.usage(), dir: config.store.dir, distdir: config.portage.distdir },
    index: {
      counts: () => index.counts(),
      isReady: () => index.ready,
      repos: () => index.repos.map((repo) => repo.path),
    },
    traffic,
    ledger,
    transfers: () => [...retriever.transfers(), ...snapshots.transfers()],
    snapshots: () => snapshots.list(),
    mirrors: () => upstream.mirrorStatus(),
    warnings: () => [...notes(), ...warningsOf(parts)],
  });
  return { status, traffic, ledger };
}

function warningsOf({ index, store, lan, snapshots }: Retrieval): string[] {
  return [...store.warnings(), ...index.problems(), ...snapshots.warnings(), ...lan.swarm.warnings()];
}
