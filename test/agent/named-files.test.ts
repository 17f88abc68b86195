import { expect, test } from "vitest";
import { withNames } from "../../src/compose/named-files.ts";
import type { KnownDistfile } from "../../src/core/distfile.ts";
import type { StoreToolEvent } from "../../src/core/report/store-tool-event.ts";
import { events } from "../control/fake-agent.ts";
import { testFile } from "../support/repository.ts";

test("what a tool says of a blob has the name that a Manifest gives it; other paths and unknown blobs have none", async () => {
  const [known, unknown] = [testFile("known.tgz", 1), testFile("unknown.tgz", 2)];
  const byDigest = async (digest: string): Promise<KnownDistfile | undefined> =>
    digest === known.digest ? { digest: known.digest, size: 1, names: [known.name], packages: [] } : undefined;
  const paths = [known.digest, unknown.digest, "notes.txt"].map((name) => `/s/blobs/ab/${name}`);
  const told = paths.map((file): StoreToolEvent => ({ event: "file", file, size: 1, verdict: "damaged" }));
  const names: (string | undefined)[] = [];
  for await (const event of withNames(events(...told), { byDigest })) {
    names.push(event.event === "file" ? event.name : "no file");
  }
  expect(names).toEqual([known.name, undefined, undefined]);
});
