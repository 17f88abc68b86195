import type { AgentApi } from "../../src/core/report/agent-api.ts";
import type { Explanation } from "../../src/core/report/explanation.ts";
import type { FetchEvent } from "../../src/core/report/fetch-event.ts";
import type { SnapshotStatus } from "../../src/core/snapshots.ts";
import type { Status } from "../../src/core/report/status.ts";
import type { StoreToolEvent } from "../../src/core/report/store-tool-event.ts";

/** A status in which every number is its own, so that a mixed-up one shows. */
export const STATUS: Status = {
  version: "0.1.0",
  uptime_seconds: 7500,
  id: "ab".repeat(32),
  host: "h1",
  proxy: { listen: ["127.0.0.1:8480"] },
  swarm: { peers: [] },
  store: {
    blobs: 12,
    bytes: 3 * 2 ** 30,
    max_bytes: 50 * 2 ** 30,
    dir: "/var/cache/distswarm",
    distdir: { path: "/var/cache/distfiles", blobs: 5, bytes: 2 ** 30 },
  },
  index: { manifests: 3000, distfiles: 18249, ready: true, repos: ["/var/db/repos/gentoo"] },
  served: {
    store: { requests: 6, bytes: 600 * 2 ** 20 },
    peer: { requests: 3, bytes: 300 * 2 ** 20 },
    upstream: { requests: 1, bytes: 100 * 2 ** 20 },
  },
  uploaded: { requests: 2, bytes: 200 * 2 ** 20 },
  passed: { requests: 4, bytes: 40 * 2 ** 20 },
  transfers: [],
  snapshots: [],
  mirrors: [],
  warnings: [],
};

/** A kept tree snapshot. */
export const SNAPSHOT: SnapshotStatus = {
  name: "gentoo-20261119",
  date: "20261119",
  size: 50 * 2 ** 20,
  verified: true,
  signed_by: "Gentoo ebuild repository signing key <infrastructure@gentoo.org>",
  key: "AB".repeat(20),
  signed_at: "2026-11-20T00:45:10.000Z",
  peers: ["cd".repeat(32), "ef".repeat(32)],
};

/** An agent that answers nothing; tests give it the methods that they need. */
export function fakeAgent(methods: Partial<AgentApi> = {}): AgentApi {
  return {
    status: async () => STATUS,
    explain: async (asked): Promise<Explanation> => ({ asked, kind: "name", meaning: "a name", files: [] }),
    fetch: () => events<FetchEvent>(),
    importFiles: () => events<StoreToolEvent>(),
    fsck: () => events<StoreToolEvent>(),
    gc: () => events<StoreToolEvent>(),
    invite: async () => "dsw1",
    join: async () => {},
    pullSnapshot: async () => SNAPSHOT,
    ...methods,
  };
}

/** These events, one after another. */
export async function* events<Event>(...list: readonly Event[]): AsyncGenerator<Event> {
  yield* list;
}
