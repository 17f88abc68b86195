import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { openDatabase, type Database } from "../../src/core/database.ts";
import type { Digest } from "../../src/core/digest.ts";
import { silentLogger, type Logger } from "../../src/core/logger.ts";
import { PEEK_PROTOCOL, identityFromSeed, type Identity } from "../../src/swarm/identity.ts";
import { NetworkKey, saveNetworkKey } from "../../src/swarm/network-key.ts";
import { Swarm, type SwarmInit } from "../../src/swarm/swarm.ts";
import { freePort } from "../support/free-port.ts";

const LOOPBACK = "127.0.0.1";

/** A box on loopback: a swarm, and a TCP port that shows its certificate. */
export interface Box {
  readonly swarm: Swarm;
  readonly identity: Identity;
  readonly port: number;
  readonly stateDir: string;
  readonly db: Database;
  /** Ends it, and removes what it made. */
  remove(): Promise<void>;
}

/** What a box is made with. */
export interface BoxOptions extends Partial<SwarmInit> {
  readonly haves?: readonly Digest[];
  /** False: its TCP port is closed. */
  readonly tcp?: boolean;
  readonly log?: Logger;
  /** The state of an earlier box, that was stopped. */
  readonly from?: Box;
}

/** Makes a box that is not started yet. */
export async function makeBox(options: BoxOptions = {}): Promise<Box> {
  const { haves = [], tcp = true, log = silentLogger, from, networkKey = NetworkKey.generate(), ...init } = options;
  const stateDir = from?.stateDir ?? (await mkdtemp(join(tmpdir(), "distswarm-swarm-")));
  await saveNetworkKey(stateDir, networkKey);
  const db = from?.db ?? (await openDatabase(join(stateDir, "db"), silentLogger));
  const identity = from?.identity ?? (await identityFromSeed(randomBytes(32)));
  const port = await freePort();
  const certificate = tcp ? await showCertificate(identity, port) : undefined;
  const swarm = new Swarm(
    {
      identity,
      db,
      log,
      haves: async function* () {
        yield* haves;
      },
      received: () => 0,
      isShutOut: () => false,
    },
    {
      networkKey,
      listen: { host: LOOPBACK, port },
      peers: [],
      networks: ["127.0.0.0/8"],
      deny: [],
      multicast: false,
      stateDir,
      host: `box-${port}`,
      version: "0.0.0",
      ...init,
    },
  );
  const remove = async (): Promise<void> => {
    await swarm.stop();
    await db.close(); // twice is once
    certificate?.close();
    await rm(stateDir, { recursive: true, force: true });
  };
  return { swarm, identity, port, stateDir, db, remove };
}

/** Where a box is found, as `swarm.peers` has it. */
export function placeOf(box: Pick<Box, "port">): { host: string; port: number } {
  return { host: LOOPBACK, port: box.port };
}

/** Resolves as soon as `look` gives something else than undefined and false. */
export async function eventually<T>(look: () => T | undefined | false, ms = 20_000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${String(look)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether each box is in session with all others. */
export function isFullMesh(boxes: readonly Box[]): boolean {
  return boxes.every(({ swarm }) => swarm.status().peers.length === boxes.length - 1);
}

/** Shows the certificate of a box at a port of loopback, as its data plane does, and gives nothing. */
export async function showCertificate(identity: Identity, port: number): Promise<Server> {
  const server = createServer({ ...identity.tls, ALPNProtocols: [PEEK_PROTOCOL] }, (socket) => {
    socket.on("error", () => {}).end();
  });
  server.on("tlsClientError", () => {});
  server.listen(port, LOOPBACK);
  await once(server, "listening");
  return server;
}
