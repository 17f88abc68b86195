import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import type { Want } from "../../src/core/distfile.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { UpstreamMirrors } from "../../src/upstream/upstream-mirrors.ts";
import * as zoo from "../support/zoo/zoo.ts";
import { closeAfter, mirrorOf, noSignal, readAll, tempDatabase } from "./harness.ts";

const NAME = "foo-1.tar.xz";
const FILE = randomBytes(200_000);
const WANT: Want = { digest: digestOf(FILE), size: FILE.length, names: [NAME], packages: [] };

/** As the simplest of retrievers: source after source, until one gives bytes with the right digest. */
async function retrieve(mirrors: readonly string[]): Promise<Buffer | undefined> {
  const init = { mirrors, headerTimeoutMs: 200, stallTimeoutMs: 200 };
  const upstream = new UpstreamMirrors({ db: await tempDatabase(), log: silentLogger }, init);
  await upstream.start();
  closeAfter(() => upstream.stop());
  for await (const source of upstream.sources(WANT, { signal: noSignal() })) {
    const bytes = await source
      .open({ offset: 0, signal: noSignal() })
      .then((body) => readAll(body.bytes))
      .catch(() => Buffer.alloc(0));
    if (digestOf(bytes) === WANT.digest) return bytes;
  }
  return undefined;
}

describe("with one good mirror in the list the file arrives, whatever comes before it", () => {
  test.each(Object.entries(zoo.badOnes))("%s", async (_name, behaviour) => {
    await using bad = await zoo.startMirror(behaviour, { [NAME]: FILE });
    await using good = await zoo.startMirror(zoo.well, { [NAME]: FILE }, { layout: "filename-hash" });
    expect(await retrieve([bad.url])).toBeUndefined();
    expect((await retrieve([bad.url, good.url]))?.equals(FILE)).toBe(true);
    expect(good.files()).toHaveLength(1);
  });

  test("all of them together, and a port that is closed", { timeout: 20_000 }, async () => {
    const bad = await Promise.all(Object.values(zoo.badOnes).map((one) => mirrorOf(one, { [NAME]: FILE })));
    const good = await mirrorOf(zoo.well, { [NAME]: FILE });
    const urls = [await zoo.refusingMirror(), ...bad.map(({ url }) => url), good.url];
    expect((await retrieve(urls))?.equals(FILE)).toBe(true);
  });
});
