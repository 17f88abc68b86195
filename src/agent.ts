import { join } from "node:path";
import type { Config } from "./config.ts";
import { reloader, type LiveOptions, type Reloaded } from "./config/reload.ts";
import { buildApi } from "./compose/api.ts";
import { buildDoors } from "./compose/doors.ts";
import { buildRetrieval, type Retrieval } from "./compose/retrieval.ts";
import { buildStatus } from "./compose/status.ts";
import { ControlServer } from "./control/server.ts";
import type { AgentApi } from "./core/report/agent-api.ts";
import { newAgentName } from "./core/net/agent-names.ts";
import { condemnDatabase, findSetAside, isDatabaseDamage, openDatabase, type Database } from "./core/database.ts";
import { authorityOf } from "./core/net/host.ts";
import { startAll, stopAll, type Startable } from "./core/lifecycle.ts";
import type { Logger } from "./core/logger.ts";
import { makeStateDir } from "./core/fs/make-dirs.ts";
import type { Doors } from "./proxy/doors.ts";
import { Keeper } from "./proxy/keeper.ts";

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
interface AgentOptions {
  readonly log: Logger;
  /** What the config has to tell people now: part of the warnings in the status. */
  readonly notes: () => readonly string[];
  /** The file that the config was read from, for who looks at this box. @default there is none */
  readonly configFile?: () => string | undefined;
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
    return startOnce(config, options); // the damaged one is set aside at its opening, which says so
  }
}

async function startOnce(config: Config, options: AgentOptions): Promise<Agent> {
  const { log } = options;
  const db = await openState(config.state_dir, log);
  const setAside = (await findSetAside(db.location)).map(setAsideNote);
  const inMemory = db.inMemory === undefined ? [] : [db.inMemory];
  const notes = (): readonly string[] => [...options.notes(), ...inMemory, ...setAside];
  const parts = await buildParts(config, db, { ...options, notes }).catch(async (error: unknown) => {
    await db.close();
    throw error;
  });
  try {
    await startAll(parts.order);
  } catch (error) {
    if (isDatabaseDamage(error)) await condemnDatabase(db, error).catch(() => {}); // then the next start says what is wrong
    await db.close();
    throw error;
  }
  const listening = parts.listening();
  log.info(`ready: Portage finds this box's mirror and proxy at http://${listening[0]}`);
  const stop = async (): Promise<void> => {
    await stopAll(parts.order).finally(() => db.close());
    log.info("stopped");
  };
  const takeOver = reloader(config, parts.live);
  const reload = (next: Config): Reloaded => {
    void parts.lookAtKey(); // says by itself what came of it
    return takeOver(next);
  };
  return { api: parts.api, listening, damaged: parts.damaged, reload, stop };
}

async function openState(dir: string, log: Logger): Promise<Database> {
  await makeStateDir(dir);
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
  /** Reads the network key again. */
  readonly lookAtKey: () => Promise<void>;
  readonly damaged: Promise<void>;
}

async function buildParts(config: Config, db: Database, options: AgentOptions): Promise<Parts> {
  const { log, notes, configFile = () => undefined } = options;
  const via = newAgentName();
  const listening = (): string[] => doors.addresses().map(({ address, port }) => authorityOf(address, port));
  const retrieval = await buildRetrieval(config, { db, log, via });
  const { index, upstream, store, lan, snapshots, retriever, prefetcher } = retrieval;
  const { status, traffic, ledger } = buildStatus(config, retrieval, { db, notes, listening, configFile });
  const proxyLog = log.child({ part: "proxy" });
  const keeper = new Keeper({ store, log: proxyLog });
  const doors = buildDoors(config, { ...retrieval, keeper, traffic, status, log: proxyLog }, via);
  const api = buildApi({ ...retrieval, status, isOwn: (url) => doors.isOwn(url) }, config.portage);
  const control = new ControlServer({ api, log: log.child({ part: "control" }) }, { dir: config.state_dir });
  lookAgainAfterSync(retrieval);
  const damaged = new Promise<void>((resolve) => void index.once("condemned", resolve));
  const order = [
    ledger,
    index,
    upstream,
    store,
    snapshots,
    retriever,
    prefetcher,
    keeper,
    control,
    doors,
    ...lan.parts,
  ];
  const lookAtKey = (): Promise<void> => lan.swarm.lookAtKey();
  return { api, damaged, live: liveOptions(retrieval, doors, log), lookAtKey, order, listening };
}

/** The tree changed: what nobody had may be had now, and what lies in DISTDIR may have got a name. */
function lookAgainAfterSync({ index, retriever, upstream, store }: Retrieval): void {
  index.on("refreshed", ({ changed }) => {
    if (!changed) return;
    retriever.forgetMisses();
    void Promise.all([upstream.refresh(), store.rescan()]);
  });
}

function liveOptions({ upstream, store, lan }: Retrieval, doors: Doors, log: Logger): LiveOptions {
  const limit = ({ store: { max_size, min_free } }: Config): void =>
    store.limit({ maxSize: max_size, minFree: min_free });
  const mirrors = ({ upstream: { mirrors, custom_mirrors } }: Config): void =>
    upstream.useMirrors(mirrors, custom_mirrors);
  return {
    "log.level": ({ log: { level } }) => void (log.level = level),
    "proxy.allow": ({ proxy }) => doors.admit(proxy.allow),
    "upstream.mirrors": mirrors,
    "upstream.custom_mirrors": mirrors,
    "swarm.deny": ({ swarm: { deny } }) => lan.swarm.deny(deny),
    "store.max_size": limit,
    "store.min_free": limit,
  };
}
