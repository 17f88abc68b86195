import type { Digest } from "../../core/digest.ts";
import { messageOf } from "../../core/errors.ts";
import type { StoreToolEvent } from "../../core/report/store-tool-event.ts";
import type { BlobFiles, Removal } from "../blob-files.ts";
import type { Victim } from "../eviction.ts";
import type { StorePaths } from "../layout.ts";
import type { Leftovers } from "../leftovers.ts";
import { Report } from "./report.ts";

/** What the garbage collection works on. */
interface GcComponents {
  readonly blobs: BlobFiles;
  readonly paths: StorePaths;
  /** Who would be evicted now. */
  readonly plan: () => Promise<readonly Victim[]>;
  readonly leftovers: Leftovers;
  /** Whether a blob is on its way into the store. */
  readonly isInFlight: (digest: Digest) => boolean;
}

/** Something that goes. */
interface Garbage {
  readonly file: string;
  readonly size: number;
  readonly reason: string;
  readonly remove: () => Promise<Outcome>;
}

/** What came of it: `gone`: somebody else was faster; `kept`: why it stays after all. */
type Outcome = "evicted" | "gone" | { readonly kept: string };

const IN_USE: Outcome = { kept: "came into use meanwhile" };

const OUTCOMES: Readonly<Record<Removal, Outcome>> = {
  removed: "evicted",
  gone: "gone",
  renewed: IN_USE,
  stuck: { kept: "cannot be removed; the log says why" },
};

/**
 * Evicts what is over the limits, and old leftovers in `partial/`; a dry run only names them, with the reason. What came
 * into use meanwhile stays, and is named.
 */
export async function* collectGarbage(
  components: GcComponents,
  options: { dryRun: boolean },
  signal: AbortSignal,
): AsyncGenerator<StoreToolEvent> {
  const garbage = await findGarbage(components);
  const report = new Report(garbage.length);
  for (const { file, size, reason, remove } of garbage) {
    signal.throwIfAborted();
    const outcome = options.dryRun ? "would-go" : await remove();
    report.pass();
    if (outcome === "gone") continue;
    if (typeof outcome === "object") {
      yield report.file({ file, size, verdict: "kept", detail: outcome.kept });
      continue;
    }
    report.addBytes(size);
    yield report.file({ file, size, verdict: outcome, detail: reason });
  }
  yield report.progress();
  yield report.summary("the store is within its limits, and there are no old leftovers");
}

async function findGarbage(components: GcComponents): Promise<Garbage[]> {
  const { paths, plan, leftovers } = components;
  const victims = (await plan()).map(({ digest, size, reason }) => ({
    file: paths.blob(digest),
    size,
    reason,
    remove: () => evict(components, digest),
  }));
  const stale = (await leftovers.stale(Date.now())).map((leftover) => ({
    file: leftover.path,
    size: leftover.size,
    reason: "leftover of a broken retrieval, older than 7 days",
    remove: () => outcomeOf(leftovers.remove(leftover)),
  }));
  return [...victims, ...stale];
}

async function evict({ blobs, isInFlight }: GcComponents, digest: Digest): Promise<Outcome> {
  return blobs.isPinned(digest) || isInFlight(digest) ? IN_USE : OUTCOMES[await blobs.remove(digest)];
}

async function outcomeOf(removal: Promise<boolean>): Promise<Outcome> {
  return removal.then(
    (isRemoved) => (isRemoved ? "evicted" : IN_USE),
    (error: unknown) => ({ kept: `cannot be removed (${messageOf(error)})` }),
  );
}
