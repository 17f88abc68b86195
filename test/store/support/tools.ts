import { open } from "node:fs/promises";
import type { Distfile } from "../../../src/core/distfile.ts";
import type { StoreToolEvent } from "../../../src/core/report/store-tool-event.ts";
import type { TestBlob } from "./harness.ts";

/** A tool that is called with this goes on to its end. */
export const { signal } = new AbortController();

/** `verdict name` of each file, and the counts. */
export function verdicts(events: StoreToolEvent[]): unknown[] {
  return events.map((event) => {
    if (event.event === "file") return `${event.verdict} ${event.file.split("/").at(-1)!.slice(0, 20)}`;
    return event.event === "summary" ? event.counts : event;
  });
}

/** What Manifests say that name these blobs. */
export function lookupOf(known: Record<string, TestBlob[]>) {
  return async (name: string): Promise<Distfile[]> =>
    (known[name] ?? []).map(({ size, digest }) => ({ name, size, digest }));
}

/** Puts other bytes into a file. */
export async function spoil(path: string): Promise<void> {
  const handle = await open(path, "r+");
  await handle.write("spoilt", 10);
  await handle.close();
}
