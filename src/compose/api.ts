import type { AgentApi } from "../core/report/agent-api.ts";
import type { Digest } from "../core/digest.ts";
import { DistswarmError } from "../core/errors.ts";
import type { SnapshotAnnouncement } from "../core/snapshots.ts";
import { BulkFetch, type BulkFetchComponents } from "../retrieve/bulk-fetch.ts";
import { Explainer, type ExplainerComponents } from "../retrieve/explainer.ts";
import { parseUnitName } from "../snapshot/name.ts";
import type { Snapshots } from "../snapshot/snapshots.ts";
import type { StatusModel } from "../status/model.ts";
import type { FileStore } from "../store/file-store.ts";
import type { Lan } from "./lan.ts";
import { withNames } from "./named-files.ts";

/** The parts that answer the command line. */
interface ApiParts extends ExplainerComponents, BulkFetchComponents {
  readonly store: FileStore;
  readonly snapshots: Snapshots;
  readonly status: StatusModel;
  readonly lan: Lan;
}

/** What the command line may ask of this agent, answered by its parts. `distdir`: where there is one. */
export function buildApi(parts: ApiParts, { distdir }: { distdir: string | null }): AgentApi {
  const { store, snapshots, status, lan } = parts;
  const explainer = new Explainer(parts);
  const bulk = new BulkFetch(parts);
  return {
    status: async () => status.current(),
    explain: (asked) => explainer.explain(asked),
    fetch: (lines, signal) => bulk.fetch(lines, signal),
    importFiles: (dir, signal) => store.import(dir ?? distdir ?? noDistdir(), signal),
    fsck: ({ repair }, signal) => {
      const kept = snapshots.announcements(); // a unit leaves the shelf with the first of its files
      const events = store.fsck({ repair, refetch: (digest) => refetch(parts, { digest, kept }, signal) }, signal);
      return withNames(events, parts.index);
    },
    gc: (options, signal) => withNames(store.gc(options, signal), parts.index),
    invite: async () => lan.swarm.invite(),
    join: (key) => lan.swarm.join(key),
    pullSnapshot: (date, signal) => snapshots.pull(date, { signal }),
  };
}

/** Gets a blob that was damaged and dropped: with its whole unit where it was of a tree snapshot. */
async function refetch(
  { resolver, retriever, snapshots }: ApiParts,
  { digest, kept }: { digest: Digest; kept: readonly SnapshotAnnouncement[] },
  signal: AbortSignal,
): Promise<void> {
  const unit = kept.find(({ files }) => Object.values(files).some((file) => file.digest === digest));
  if (unit !== undefined) return void (await snapshots.pull(parseUnitName(unit.name), { signal }));
  const want = await resolver.byDigest(digest);
  if (want === undefined) throw new DistswarmError("NOT_FOUND", "no Manifest on this box has its digest any more");
  await retriever.keep(want, { signal });
}

function noDistdir(): never {
  throw new DistswarmError("USAGE", "no DISTDIR is known on this box: name the directory to import");
}
