import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { reloader, type LiveOptions, type Reloaded } from "./config/reload.ts";
import { buildApi } from "./compose/api.ts";
import { buildLan } from "./compose/lan.ts";
import { buildSnapshots } from "./compose/snapshots.ts";
import { ControlServer } from "./control/server.ts";
import type { AgentApi } from "./core/agent-api.ts";
import { condemnDatabase, findSetAside, isDatabaseDamage, openDatabase, type Database } from "./core/database.ts";
import type { Digest } from "./core/digest.ts";
import { DistswarmError, messageOf, systemCode } from "./core/errors.ts";
import { startAll, stopAll, type Startable } from "./core/lifecycle.ts";
import type { Logger } from "./core/logger.ts";
import { makeDirs, STATE_DIR_MODE } from "./core/make-dirs.ts";
import type { SourceFinder } from "./core/source.ts";
import { VERSION } from "./core/version.ts";
import { ManifestIndex } from "./manifest/index.ts";
import { BlobDoor } from "./proxy/blob-door.ts";
import { ConnectTunnel } from "./proxy/connect-tunnel.ts";
import { Doors } from "./proxy/doors.ts";
import { ForwardDoor } from "./proxy/forward-door.ts";
import { Keeper } from "./proxy/keeper.ts";
import { MirrorDoor } from "./proxy/mirror-door.ts";
import { PassDoor } from "./proxy/pass-door.ts";
import { SnapshotDoor } from "./proxy/snapshot-door.ts";
import { Resolver } from "./retrieve/resolver.ts";
import { Retriever, type RetrieverComponents } from "./retrieve/retriever.ts";
import type { Snapshots } from "./snapshot/snapshots.ts";
import { StatusModel } from "./status/model.ts";
import { statusPage } from "./status/page.ts";
import { TrafficCounter } from "./status/traffic-counter.ts";
import { TrafficLedger } from "./status/traffic-ledger.ts";
import { FileStore } from "./store/blob-store.ts";
import { dial } from "./upstream/dial.ts";
import { UpstreamMirrors } from "./upstream/upstream-mirrors.ts";

/** Transfers from peers at once: they are quick and cost nobody's line. */
const PEER_TRANSFERS = 16;

/** A running agent. */
export interface Agent {
  readonly api: AgentApi;
  /** `host:port` of each door that is open. */
  readonly listening: readonly string[];
  /** Resolves when the database turned out damaged in use: stop the agent and start it again, and a new one is built. */
  readonly damaged: Promise<void>;
  /** Takes over what may change under way; nothing that is under way is dropped. */
  reload(config: Config): Reloaded;
  /** Ends downloads (their partials are kept), closes the doors and the database. */
  stop(): Promise<void>;
}

/** What an agent is started with beside its config. */
export interface AgentOptions {
  readonly log: Logger;
  /** What the config has to tell people: part of the warnings in the status. */
  readonly notes: readonly string[];
}

/**
 * Builds every part, wires them, and starts them in order.
 *
 * @throws {DistswarmError} what stands in the way, in one line; nothing is left running.
 */
export async function startAgent(config: Config, options: AgentOptions): Promise<Agent> {
  try {
    return await startOnce(config, options);
  } catch (error) {
    if (!isDatabaseDamage(error)) throw error;
    options.log.warn(`the database is damaged (${messageOf(error)}): starting with a new one`);
    return startOnce(config, options); // the damaged one is set aside at its opening
  }
}

async function startOnce(config: Config, options: AgentOptions): Promise<Agent> {
  const { log } = options;
  const db = await openState(config.state_dir, log);
  const notes = [...options.notes, ...(await findSetAside(db.location)).map(setAsideNote)];
  const parts = await buildParts(config, db, { log, notes }).catch(async (error: unknown) => {
    await db.close();
    throw error;
  });
  try {
    await startAll(parts.order);
  } catch (error) {
    if (isDatabaseDamage(error)) await condemnDatabase(db);
    await db.close();
    throw error;
  }
  const listening = parts.listening();
  log.info(`ready: Portage finds this box's mirror and proxy at http://${listening[0]}`);
  const stop = async (): Promise<void> => {
    await stopAll(parts.order).finally(() => db.close());
    log.info("stopped");
  };
  return { api: parts.api, listening, damaged: parts.damaged, reload: reloader(config, parts.live), stop };
}

async function openState(dir: string, log: Logger): Promise<Database> {
  try {
    await makeDirs(dir, STATE_DIR_MODE);
  } catch (error) {
    const reason = systemCode(error) ?? messageOf(error);
    throw new DistswarmError(
      "STORE_UNUSABLE",
      `cannot make state_dir ${dir} (${reason}): name a directory that the user distswarm runs as can write`,
      { cause: error },
    );
  }
  return openDatabase(join(dir, "db"), log);
}

function setAsideNote(path: string): string {
  return `a damaged database was set aside as ${path}, and a new one built: remove it, and look at the disk if that was no power failure`;
}

interface Parts {
  readonly api: AgentApi;
  /** In the order in which they start. */
  readonly order: readonly Startable[];
  readonly listening: () => readonly string[];
  readonly live: LiveOptions;
  readonly damaged: Promise<void>;
}

async function buildParts(config: Config, db: Database, { log, notes }: AgentOptions): Promise<Parts> {
  const part = (name: string): Logger => log.child({ part: name });
  const via = `distswarm-${randomBytes(4).toString("hex")}`;

  const index = new ManifestIndex({ db, log: part("index") }, { repos: config.portage.repos });
  const upstream = buildUpstream(config, { db, log: part("upstream") }, via);
  const store = buildStore(config, { db, index, isKept: (digest) => snapshots.protects(digest), log: part("store") });
  const openGrowing = (digest: Digest) => retriever.openGrowing(digest);
  const received = (digest: string): number => retriever.received(digest);
  const lan = await buildLan(config, { db, store, openGrowing, received, log: part("swarm") });
  const snapshots = buildSnapshots(config, { db, store, upstream, lan, log: part("snapshot") });
  const sources = { peers: lan.peers, upstream, lastResort: lan.lastResort };
  const resolver = new Resolver({ index, upstream });
  const isAtPeer = (digest: Digest): boolean => lan.swarm.holders(digest).length > 0;
  const claims = lan.swarm.blobClaims;
  const retriever = buildRetriever(config, { store, sources, claims, isAtPeer, log: part("retrieve") });
  const traffic = new TrafficCounter({ uploaded: () => lan.traffic.uploaded() });
  const ledger = new TrafficLedger({ counter: traffic, table: db.sublevel("traffic", { valueEncoding: "json" }) });
  const status = new StatusModel({
    id: lan.id,
    listen: () => listening(),
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
    warnings: () => [
      ...notes,
      ...[store.usage().problem ?? []].flat(),
      ...index.problems(),
      ...snapshots.warnings(),
      ...lan.swarm.warnings(),
    ],
  });
  const keeper = new Keeper({ store, log: part("proxy") });
  const doors = buildDoors(
    config,
    { index, upstream, store, snapshots, resolver, retriever, keeper, traffic, status, log: part("proxy") },
    via,
  );
  const listening = (): string[] => doors.addresses().map(({ address, port }) => hostPort(address, port));
  const finders: readonly SourceFinder[] = Object.values(sources);
  const isOwn = (url: URL): boolean => doors.isOwn(url);
  const api = buildApi(
    { index, resolver, upstream, store, snapshots, retriever, finders, isOwn, status, lan },
    config.portage,
  );
  const control = new ControlServer({ api, log: part("control") }, { dir: config.state_dir });

  index.on("refreshed", ({ changed }) => {
    if (!changed) return;
    retriever.forgetMisses();
    void Promise.all([upstream.refresh(), store.rescan()]);
  });
  const damaged = new Promise<void>((resolve) => {
    index.once("condemned", () => resolve());
  });
  const live: LiveOptions = {
    "log.level": ({ log: { level } }) => void (log.level = level),
    "proxy.allow": ({ proxy }) => doors.admit(proxy.allow),
    "upstream.mirrors": ({ upstream: { mirrors } }) => upstream.useMirrors(mirrors),
    "swarm.deny": ({ swarm: { deny } }) => lan.swarm.deny(deny),
    "store.max_size": ({ store: { max_size, min_free } }) => store.limit({ maxSize: max_size, minFree: min_free }),
    "store.min_free": ({ store: { max_size, min_free } }) => store.limit({ maxSize: max_size, minFree: min_free }),
  };
  const order = [ledger, index, upstream, store, snapshots, retriever, keeper, control, doors, ...lan.parts];
  return { api, damaged, live, order, listening };
}

function buildUpstream(config: Config, components: { db: Database; log: Logger }, via: string): UpstreamMirrors {
  const { mirrors, header_timeout, stall_timeout } = config.upstream;
  return new UpstreamMirrors(components, {
    mirrors,
    ...proxyOptions(config),
    headerTimeoutMs: header_timeout,
    stallTimeoutMs: stall_timeout,
    repos: config.portage.repos,
    version: VERSION,
    via: `1.1 ${via}`,
  });
}

function proxyOptions(config: Config): { proxy?: string; noProxy: readonly string[] } {
  const { proxy, no_proxy: noProxy } = config.upstream;
  return proxy === null ? { noProxy } : { proxy, noProxy };
}

interface StoreParts {
  readonly db: Database;
  readonly index: ManifestIndex;
  readonly isKept: (digest: Digest) => boolean;
  readonly log: Logger;
}

function buildStore(config: Config, { db, index, isKept, log }: StoreParts): FileStore {
  const { dir, max_size, min_free } = config.store;
  const { distdir } = config.portage;
  return new FileStore(
    {
      blobRecords: db.sublevel("blobs", { valueEncoding: "json" }),
      distdirRecords: db.sublevel("distdir", { valueEncoding: "json" }),
      log,
      index,
      isKept,
    },
    { dir, maxSize: max_size, minFree: min_free, ...(distdir === null ? {} : { distdir }) },
  );
}

function buildRetriever(config: Config, components: RetrieverComponents): Retriever {
  return new Retriever(components, {
    verifyFirst: { peer: config.peer.verify_first, upstream: config.proxy.verify_first },
    finishUpTo: config.upstream.finish_up_to,
    transfers: { peer: PEER_TRANSFERS, upstream: config.upstream.transfers },
  });
}

interface DoorParts {
  readonly index: ManifestIndex;
  readonly upstream: UpstreamMirrors;
  readonly store: FileStore;
  readonly snapshots: Snapshots;
  readonly resolver: Resolver;
  readonly retriever: Retriever;
  readonly keeper: Keeper;
  readonly traffic: TrafficCounter;
  readonly status: StatusModel;
  readonly log: Logger;
}

function buildDoors(config: Config, parts: DoorParts, via: string): Doors {
  const { resolver, retriever, upstream, index, store, keeper, traffic, status, log } = parts;
  const snapshots = new SnapshotDoor(parts);
  const pass = new PassDoor({ keeper, traffic }, { via: `1.1 ${via}` });
  const blobs = new BlobDoor({ resolver, retriever, store, upstream, traffic });
  const page = async (): Promise<string> => statusPage(status.current());
  const mirror = new MirrorDoor({ resolver, upstream, blobs, snapshots, pass, page });
  const forward = new ForwardDoor({ index, resolver, upstream, blobs, snapshots, pass });
  const tunnel = new ConnectTunnel(
    { dial: (to) => dial(to, { ...proxyOptions(config), timeoutMs: config.upstream.header_timeout }), log },
    { ports: config.proxy.connect_ports },
  );
  const { listen, allow } = config.proxy;
  return new Doors({ mirror, forward, tunnel, log }, { listen, allow, via });
}

function hostPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
