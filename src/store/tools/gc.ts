import type { StoreToolEvent } from "../../core/agent-api.ts";
import type { BlobFiles } from "../blob-files.ts";
import type { Victim } from "../eviction.ts";
import type { StorePaths } from "../layout.ts";
import { removePartial, type StalePartial } from "../partials.ts";
import { Report } from "./report.ts";

/** What the garbage collection works on. */
export interface GcComponents {
  readonly blobs: BlobFiles;
  readonly paths: StorePaths;
  /** Who would be evicted now. */
  readonly plan: () => Promise<readonly Victim[]>;
  readonly stalePartials: () => Promise<readonly StalePartial[]>;
}

/** Something that goes. */
interface Garbage {
  readonly file: string;
  readonly size: number;
  readonly reason: string;
  readonly remove: () => Promise<unknown>;
}

/** Evicts what is over the limits, and old leftovers in `partial/`; a dry run only names them, with the reason. */
export async function* collectGarbage(
  components: GcComponents,
  options: { dryRun: boolean },
  signal: AbortSignal,
): AsyncGenerator<StoreToolEvent> {
  const garbage = await findGarbage(components);
  const report = new Report(garbage.length);
  for (const { file, size, reason, remove } of garbage) {
    signal.throwIfAborted();
    if (!options.dryRun) await remove();
    report.addBytes(size);
    report.pass();
    yield report.file({ file, size, verdict: options.dryRun ? "would-go" : "evicted", detail: reason });
  }
  yield report.progress();
  yield report.summary("the store is within its limits, and there are no old leftovers");
}

async function findGarbage({ blobs, paths, plan, stalePartials }: GcComponents): Promise<Garbage[]> {
  const victims = (await plan()).map(({ digest, size, reason }) => ({
    file: paths.blob(digest),
    size,
    reason,
    remove: async () => blobs.isPinned(digest) || (await blobs.remove(digest)),
  }));
  const leftovers = (await stalePartials()).map((partial) => ({
    file: partial.path,
    size: partial.size,
    reason: "leftover of a broken retrieval, older than 7 days",
    remove: () => removePartial(partial),
  }));
  return [...victims, ...leftovers];
}
