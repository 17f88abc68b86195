import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { Source, SourceFinder } from "../../src/core/source.ts";
import { downloadFromPeers } from "../../src/snapshot/peer-download.ts";
import { Transfers } from "../../src/snapshot/transfers.ts";
import { never } from "./support/box.ts";
import { announcementOf, DATE, makeKey, makeUnit } from "./support/unit.ts";
import { tempDir } from "../support/temp-dir.ts";

const unit = await makeUnit(await makeKey());

/** One peer that answers in turn: with a fault, or with the tarball. */
function peerThat(answers: readonly (SourceError | "gives")[]): { finder: SourceFinder; asked: () => number } {
  let asked = 0;
  const open: Source["open"] = async ({ offset }) => {
    const answer = answers[(asked += 1) - 1];
    if (answer !== "gives") throw answer ?? new SourceError("REFUSED", "gone");
    const bytes = unit.files.tarball.subarray(offset);
    return {
      bytes: (async function* () {
        yield bytes;
      })(),
    };
  };
  const source: Source = { kind: "peer", label: "h2", open, blame: () => {} };
  const finder: SourceFinder = {
    sources: async function* () {
      yield source;
    },
  };
  return { finder, asked: () => asked };
}

async function download(finder: SourceFinder): Promise<Buffer> {
  const dir = join(await tempDir(), "staging");
  const paths = { tarball: join(dir, "t"), signature: join(dir, "s"), md5sum: join(dir, "m") };
  const announced = { ...announcementOf(unit), date: DATE };
  await downloadFromPeers(
    announced,
    { parts: ["tarball"], paths },
    { peers: finder, transfers: new Transfers(), log: silentLogger, signal: never },
  );
  return readFile(paths.tarball);
}

const busy = new SourceError("BUSY", "gives it to another box");
const absent = new SourceError("ABSENT", "the one it named does not have it");

test("a peer that is busy with another reader, or names one that has nothing yet, may be asked again", async () => {
  const { finder } = peerThat([busy, absent, "gives"]);
  await expect(download(finder)).rejects.toMatchObject({ code: "BUSY" });
  await expect(download(finder)).rejects.toMatchObject({ code: "BUSY" });
  expect((await download(finder)).equals(unit.files.tarball)).toBe(true);
});

test("a peer that fails is not asked again", async () => {
  const { finder, asked } = peerThat([new SourceError("BROKEN", "cut off"), "gives"]);
  await expect(download(finder)).rejects.toMatchObject({ code: "NO_SOURCE" });
  expect(asked()).toBe(1);
});
