import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";
import { fileName } from "../../src/snapshot/name.ts";
import { codeOf, get, keeps, never, startBox, sync } from "./support/box.ts";
import { gate, mirrorsWith, publish } from "./support/mirrors.ts";
import { DATE, makeKey, makeUnit, tarballBytes, type TestUnit } from "./support/unit.ts";

const MINUTE_MS = 60_000;
const TARBALL = `GET /snapshots/${fileName(DATE, "tarball")}`;

let key: PrivateKey;
let unit: TestUnit;

beforeAll(async () => {
  key = await makeKey();
  unit = await makeUnit(key);
});

describe("what upstream says", () => {
  test("404 is 404, remembered for two minutes and no longer", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith() });
    for (const part of ["md5sum", "signature", "tarball"] as const) {
      expect(await codeOf(get(box, DATE, part))).toBe("NOT_FOUND");
      expect(await codeOf(get(box, DATE, part))).toBe("NOT_FOUND");
    }
    expect(box.mirrors.count(DATE, "md5sum")).toBe(2); // for itself, and once before the tarball
    expect(box.mirrors.count(DATE, "tarball")).toBe(0);
    publish(box.mirrors.mirrors[0]!, unit);
    box.clock.time += 2 * MINUTE_MS;
    expect(await sync(box, unit)).toEqual(["passing", "passing", "passing"]);
  });

  test("a failure is a failure, never 404, and asked again at once", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    box.mirrors.mirrors[0]!.down = true;
    for (const part of ["md5sum", "signature", "tarball"] as const) {
      expect(await codeOf(get(box, DATE, part))).toBe("NO_SOURCE");
    }
    box.mirrors.mirrors[0]!.down = false;
    expect(await sync(box, unit)).toEqual(["passing", "passing", "passing"]);
  });

  test("a body that breaks off is gone on with at the byte reached", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: [131_072, 65_536] });
    const box = await startBox({ key, mirrors });
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
    await keeps(box, DATE);
    expect(mirrors.requests.slice(-2)).toEqual([`${TARBALL} bytes=131072-`, `${TARBALL} bytes=196608-`]);
    expect(mirrors.sent).toBe(Object.values(unit.files).reduce((sum, { length }) => sum + length, 0));
  });

  test("a server without ranges sends all again, and the client sees no byte twice", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: [131_072], ignoresRange: true });
    const box = await startBox({ key, mirrors });
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
    await keeps(box, DATE);
  });

  test("what breaks off for good is broken for the client, and resumed by the next, also after a restart", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: Array.from({ length: 5 }, () => 32_768) });
    const box = await startBox({ key, mirrors });
    expect(await codeOf(get(box, DATE, "tarball"))).toBe("BROKEN");
    await box.restart();
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
    expect(mirrors.requests.at(-1)).toBe(`${TARBALL} bytes=163840-`);
  });

  test("what was staged of another file is begun anew", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: Array.from({ length: 5 }, () => 32_768) });
    const box = await startBox({ key, mirrors });
    expect(await codeOf(get(box, DATE, "tarball"))).toBe("BROKEN");
    const shorter = await makeUnit(key, { tarball: tarballBytes("shorter", 100_000) });
    publish(mirrors.mirrors[0]!, shorter);
    expect((await get(box, DATE, "tarball")).bytes.equals(shorter.files.tarball)).toBe(true);
    await keeps(box, DATE);
  });
});

describe("a tarball begun anew", () => {
  test("waits for its verification no more than any other: nothing of it is of an earlier run", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: Array.from({ length: 5 }, () => 32_768) });
    const box = await startBox({ key, mirrors });
    expect(await codeOf(get(box, DATE, "tarball"))).toBe("BROKEN");
    const { until, open } = gate();
    const shorter = await makeUnit(key, { tarball: tarballBytes("shorter", 100_000) });
    publish(mirrors.mirrors[0]!, shorter, { holdsAt: { byte: 65_536, until } });
    const content = await box.snapshots.open(fileName(DATE, "tarball"), { signal: never });
    open();
    if (content?.kind !== "passing") throw new Error("not passing");
    await content.body.close();
    await keeps(box, DATE);
  });
});
