import { basename } from "node:path";
import { isDigest } from "../core/digest.ts";
import type { DistfileIndex } from "../core/distfile-index.ts";
import type { StoreToolEvent } from "../core/report/store-tool-event.ts";

/** The events of a tool of the store, where blobs are paths of 128 digits, with the names that Manifests give them. */
export async function* withNames(
  events: AsyncIterable<StoreToolEvent>,
  index: Pick<DistfileIndex, "byDigest">,
): AsyncGenerator<StoreToolEvent> {
  for await (const event of events) {
    const name = event.event === "file" ? await nameOf(event.file, index) : undefined;
    yield event.event !== "file" || name === undefined ? event : { ...event, name };
  }
}

async function nameOf(file: string, index: Pick<DistfileIndex, "byDigest">): Promise<string | undefined> {
  const digest = basename(file);
  return isDigest(digest) ? (await index.byDigest(digest))?.names[0] : undefined;
}
