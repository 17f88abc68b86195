import { existsSync } from "node:fs";
import type { StoreToolEvent } from "../../core/agent-api.ts";
import type { Digest } from "../../core/digest.ts";
import { messageOf } from "../../core/errors.ts";
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
  /** Whether a blob is on its way into the store. */
  readonly isInFlight: (digest: Digest) => boolean;
}

/** Something that goes. */
interface Garbage {
  readonly file: string;
  readonly size: number;
  readonly reason: string;
  readonly remove: () => Promise<Removal>;
}

/** What came of it: `gone`: somebody else was faster; `kept`: why it stays after all. */
type Removal = "evicted" | "gone" | { readonly kept: string };

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
    const removal = options.dryRun ? "would-go" : await remove();
    report.pass();
    if (removal === "gone") continue;
    if (typeof removal === "object") {
      yield report.file({ file, size, verdict: "kept", detail: removal.kept });
      continue;
    }
    report.addBytes(size);
    yield report.file({ file, size, verdict: removal, detail: reason });
  }
  yield report.progress();
  yield report.summary("the store is within its limits, and there are no old leftovers");
}

async function findGarbage(components: GcComponents): Promise<Garbage[]> {
  const { paths, plan, stalePartials } = components;
  const victims = (await plan()).map(({ digest, size, reason }) => ({
    file: paths.blob(digest),
    size,
    reason,
    remove: () => evict(components, digest),
  }));
  const leftovers = (await stalePartials()).map((partial) => ({
    file: partial.path,
    size: partial.size,
    reason: "leftover of a broken retrieval, older than 7 days",
    remove: () => clear(components, partial),
  }));
  return [...victims, ...leftovers];
}

async function evict({ blobs, paths, isInFlight }: GcComponents, digest: Digest): Promise<Removal> {
  if (blobs.isPinned(digest) || isInFlight(digest)) return { kept: "came into use meanwhile" };
  if (!(await blobs.remove(digest))) return "gone";
  return existsSync(paths.blob(digest)) ? { kept: "cannot be removed; the log says why" } : "evicted";
}

async function clear({ isInFlight }: GcComponents, partial: StalePartial): Promise<Removal> {
  if (isInFlight(partial.digest)) return { kept: "came into use meanwhile" };
  return removePartial(partial).then(
    () => "evicted",
    (error: unknown) => ({ kept: `cannot be removed (${messageOf(error)})` }),
  );
}
