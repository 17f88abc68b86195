import type { Config } from "../config.ts";
import type { Database } from "../core/database.ts";
import type { Digest } from "../core/digest.ts";
import type { Logger } from "../core/logger.ts";
import { ManifestIndex } from "../manifest/manifest-index.ts";
import { Prefetcher } from "../retrieve/prefetcher.ts";
import { Resolver } from "../retrieve/resolver.ts";
import { Retriever, type RetrieverComponents } from "../retrieve/retriever.ts";
import type { Snapshots } from "../snapshot/snapshots.ts";
import { FileStore, type FileStoreComponents } from "../store/file-store.ts";
import type { UpstreamMirrors } from "../upstream/upstream-mirrors.ts";
import { buildLan, type Lan } from "./lan.ts";
import { buildSnapshots } from "./snapshots.ts";
import { buildUpstream } from "./upstream.ts";

/** Transfers from peers at once: they are quick and cost nobody's line. */
const PEER_TRANSFERS = 16;

/** The parts that know files, keep them and get them: all between the doors and the world. */
export interface Retrieval {
  readonly index: ManifestIndex;
  readonly resolver: Resolver;
  readonly store: FileStore;
  readonly lan: Lan;
  readonly upstream: UpstreamMirrors;
  readonly snapshots: Snapshots;
  readonly retriever: Retriever;
  readonly prefetcher: Prefetcher;
  /** Who is asked for a blob, in the order of the asking. */
  readonly sources: RetrieverComponents["sources"];
}

/** What they use. */
interface RetrievalComponents {
  readonly db: Database;
  readonly log: Logger;
  /** This agent's name in `Via` fields. */
  readonly via: string;
}

/** Builds them, in the order of the way of a request. Throws as {@link buildLan}. */
export async function buildRetrieval(config: Config, { db, log, via }: RetrievalComponents): Promise<Retrieval> {
  const part = (name: string): Logger => log.child({ part: name });
  const index = new ManifestIndex({ db, log: part("index") }, { repos: config.portage.repos });
  const isKept = (digest: Digest): boolean => snapshots.protects(digest);
  const store = buildStore(config, { db, index, isKept, log: part("store") });
  const growing: Pick<Snapshots, "openGrowing" | "received"> = {
    openGrowing: (digest) => retriever.openGrowing(digest) ?? snapshots.openGrowing(digest),
    received: (digest) => retriever.received(digest) || snapshots.received(digest),
  };
  const lan = await buildLan(config, { db, store, ...growing, log: part("swarm") });
  const upstream = buildUpstream(config, { db, log: part("upstream") }, via);
  const snapshots = buildSnapshots(config, { db, store, upstream, lan, log: part("snapshot") });
  const sources = { peers: lan.peers, upstream, lastResort: lan.lastResort };
  const retriever = buildRetriever(config, { store, sources, lan, log: part("retrieve") });
  const resolver = new Resolver({ index, upstream });
  const { transfers } = config.upstream;
  const prefetcher = new Prefetcher({ resolver, retriever, store, upstream, log: part("retrieve") }, { transfers });
  return { index, resolver, store, lan, upstream, snapshots, retriever, prefetcher, sources };
}

type StoreParts = Pick<FileStoreComponents, "index" | "isKept" | "log"> & { readonly db: Database };

function buildStore(config: Config, { db, ...others }: StoreParts): FileStore {
  const { dir, max_size, min_free } = config.store;
  const { distdir } = config.portage;
  const json = { valueEncoding: "json" };
  return new FileStore(
    { blobRecords: db.sublevel("blobs", json), distdirRecords: db.sublevel("distdir", json), ...others },
    { dir, maxSize: max_size, minFree: min_free, ...(distdir === null ? {} : { distdir }) },
  );
}

type RetrieverParts = Pick<RetrieverComponents, "store" | "sources" | "log"> & { readonly lan: Lan };

function buildRetriever(config: Config, { lan, ...others }: RetrieverParts): Retriever {
  const isAtPeer = (digest: Digest): boolean => lan.swarm.holders(digest).length > 0;
  return new Retriever(
    { claims: lan.swarm.blobClaims, isAtPeer, ...others },
    {
      verifyFirst: { peer: config.peer.verify_first, upstream: config.proxy.verify_first },
      finishUpTo: config.upstream.finish_up_to,
      transfers: { peer: PEER_TRANSFERS, upstream: config.upstream.transfers },
    },
  );
}
