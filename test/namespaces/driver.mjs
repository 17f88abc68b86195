// One box in a network namespace: the swarm and the data plane over blobs in memory.
import { createHash, randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";
import { answerCalls } from "./calls.mjs";

const options = JSON.parse(process.argv[2]);
const load = (path) => import(pathToFileURL(`${options.dist}/${path}`).href);
const [{ openDatabase }, { createLogger }, { loadIdentity }, { NetworkKey, saveNetworkKey }, { Swarm }] =
  await Promise.all(
    ["core/database.js", "core/logger.js", "swarm/identity.js", "swarm/network-key.js", "swarm/swarm.js"].map(load),
  );
const [{ BlobServer }, { PeerClient }, { PeerSources }, { Standing }, { PeerTraffic }] = await Promise.all(
  ["blob-server", "peer-client", "peer-sources", "standing", "peer-traffic"].map((name) => load(`peer/${name}.js`)),
);

const log = createLogger("debug", process.stderr);
const identity = await loadIdentity(options.stateDir);
const networkKey = NetworkKey.parse(options.networkKey);
await saveNetworkKey(options.stateDir, networkKey);
const db = await openDatabase(`${options.stateDir}/db`, log);
const files = new Map();
const listen = { host: "0.0.0.0", port: options.port };

const swarm = new Swarm(
  {
    identity,
    db,
    log,
    haves: async function* () {
      yield* files.keys();
    },
    received: () => 0,
    isShutOut: () => false,
  },
  {
    networkKey,
    stateDir: options.stateDir,
    listen,
    peers: options.peers,
    networks: [],
    deny: [],
    multicast: options.multicast,
    host: options.host,
    version: "0.0.0",
  },
);
const traffic = new PeerTraffic();
const shelf = {
  async open(digest) {
    const bytes = files.get(digest);
    if (bytes === undefined) return undefined;
    const read = async function* ({ start, end } = { start: 0, end: bytes.length }) {
      for (let at = start; at < end; at += 2 ** 20) yield bytes.subarray(at, Math.min(at + 2 ** 20, end));
    };
    return { digest, size: bytes.length, where: "store", path: "memory", read, close: async () => {} };
  },
  openGrowing: () => undefined,
};
const gates = { admits: (id) => swarm.admits(id), accepts: (host) => swarm.accepts(host) };
const server = new BlobServer({ identity, shelf, traffic, log, ...gates }, { listen });
const client = new PeerClient({ identity });
const standing = new Standing();
const sources = new PeerSources({ client, directory: swarm, standing, traffic, ownId: identity.id });

const calls = {
  status: () => swarm.status(),
  join: (key) => swarm.join(key),
  /** Makes a file: of random bytes, or the same one at each host that names the same byte. */
  make(size, byte) {
    const bytes = byte === undefined ? randomBytes(size) : Buffer.alloc(size, byte);
    const digest = createHash("blake2b512").update(bytes).digest("hex");
    files.set(digest, bytes);
    swarm.added(digest);
    return digest;
  },
  /** Gets a file from the peers: in how many milliseconds, and from whom, if any. */
  async get(digest, size) {
    const began = performance.now();
    const from = await getFrom(digest, size);
    return { ms: performance.now() - began, from };
  },
};

async function getFrom(digest, size) {
  const signal = new AbortController().signal;
  for await (const source of sources.sources({ digest, size, names: [], packages: [] }, { signal })) {
    try {
      const hash = createHash("blake2b512");
      const { bytes } = await source.open({ offset: 0, signal });
      for await (const chunk of bytes) hash.update(chunk);
      if (hash.digest("hex") === digest) return source.label;
    } catch (error) {
      log.debug(String(error));
    }
  }
  return null;
}

process.on("SIGTERM", async () => {
  await Promise.all([swarm.stop(), server.stop(), client.stop()]);
  await db.close();
  process.exit(0);
});

await server.start();
await swarm.start();
answerCalls(calls, identity.id);
