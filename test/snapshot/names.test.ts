import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { identityOf, parseAnnouncements } from "../../src/snapshot/announcement.ts";
import { parseMd5sum } from "../../src/snapshot/md5sum.ts";
import { fileName, newestDate, parseFileName, parseUnitName, startOf, unitName } from "../../src/snapshot/name.ts";

const day = fc.date({ min: new Date("1970-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });

describe("the names under /snapshots/ that are ours", () => {
  test("the tarball and its two side files", () => {
    expect(parseFileName("gentoo-20261120.tar.xz")).toEqual({ date: "20261120", part: "tarball" });
    expect(parseFileName("gentoo-20261120.tar.xz.gpgsig")).toEqual({ date: "20261120", part: "signature" });
    expect(parseFileName("gentoo-20261120.tar.xz.md5sum")).toEqual({ date: "20261120", part: "md5sum" });
    expect(parseFileName("gentoo-20280229.tar.xz")).toEqual({ date: "20280229", part: "tarball" });
  });

  test.each([
    "gentoo-latest.tar.xz",
    "gentoo-20261120.tar.bz2",
    "portage-20261120.tar.xz",
    "gentoo-20261120.tar.xz.umd5sum",
    "gentoo-20261120.tar.xz.sqfs",
    "gentoo-20261120.xz",
    "gentoo-2026112.tar.xz",
    "gentoo-20261131.tar.xz",
    "gentoo-20270229.tar.xz",
    "gentoo-20261300.tar.xz",
    "gentoo-20261120.tar.xz\n",
    "x/gentoo-20261120.tar.xz",
    "GENTOO-20261120.tar.xz",
    "",
  ])("not %j", (name) => {
    expect(parseFileName(name)).toBeUndefined();
  });

  test("every name that is made can be read, whatever the day", () => {
    fc.assert(
      fc.property(day, fc.constantFrom("tarball", "signature", "md5sum"), (at, part) => {
        const date = at.toISOString().slice(0, 10).replaceAll("-", "");
        expect(parseFileName(fileName(date, part))).toEqual({ date, part });
        expect(parseUnitName(unitName(date))).toBe(date);
      }),
    );
  });

  test("no text brings it down", () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(parseFileName(name)).toBeUndefined();
      }),
    );
  });

  test("the newest is yesterday's; until 01:00 UTC that of the day before", () => {
    expect(newestDate(Date.UTC(2026, 10, 21, 12))).toBe("20261120");
    expect(newestDate(Date.UTC(2026, 10, 21, 0, 59))).toBe("20261119");
    expect(newestDate(Date.UTC(2027, 0, 1, 1))).toBe("20261231");
    expect(startOf("20261120")).toBe(Date.UTC(2026, 10, 20));
  });
});

describe("an md5sum file", () => {
  const sum = "0123456789abcdef0123456789abcdef";

  test("gives the sum of the name asked for, in text and binary mode", () => {
    expect(parseMd5sum(`${sum}  a.tar.xz\n`, "a.tar.xz")).toBe(sum);
    expect(parseMd5sum(`${sum.toUpperCase()} *a.tar.xz`, "a.tar.xz")).toBe(sum);
    expect(parseMd5sum(`${sum.replace("0", "f")}  b\r\n${sum}  a\r\n`, "a")).toBe(sum);
  });

  test("gives nothing for another name, or when it is none", () => {
    for (const text of ["", sum, `${sum}  b`, `${sum.slice(1)}  a`, `${sum} a`, "<html>", `${sum}  x/a`]) {
      expect(parseMd5sum(text, "a")).toBeUndefined();
    }
  });

  test("whatever its bytes are", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseMd5sum(text, "a")));
  });
});

describe("what a peer announces", () => {
  const file = (text: string, size = 1) => ({ digest: digestOf(Buffer.from(text)), size });
  const good = {
    name: "gentoo-20261120",
    files: { tarball: file("t", 2 ** 30), signature: file("s", 64 * 1024), md5sum: file("m") },
  };

  test("is read with its date", () => {
    expect(parseAnnouncements([good])).toEqual([{ ...good, date: "20261120" }]);
    expect(identityOf(good)).not.toBe(identityOf({ files: { ...good.files, md5sum: file("other") } }));
  });

  test("is left out where it is malformed, and the rest is read", () => {
    const { files } = good;
    const bad = [
      null,
      "gentoo-20261120",
      { ...good, name: "gentoo-20261131" },
      { ...good, name: ["gentoo-20261120"] },
      { ...good, files: { tarball: files.tarball, signature: files.signature } },
      { ...good, files: { ...files, tarball: file("t", 2 ** 30 + 1) } },
      { ...good, files: { ...files, md5sum: file("m", 64 * 1024 + 1) } },
      { ...good, files: { ...files, md5sum: file("m", 0) } },
      { ...good, files: { ...files, md5sum: file("m", 1.5) } },
      { ...good, files: { ...files, md5sum: { digest: "../../etc/passwd", size: 1 } } },
    ];
    expect(parseAnnouncements([...bad, good])).toHaveLength(1);
  });

  test("is at most a hundred dates, each once: a box keeps one of a date", () => {
    const { files } = good;
    const name = (day: number): string =>
      `gentoo-${new Date(day * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "")}`;
    const many = Array.from({ length: 300 }, (_, at) => ({ name: name(Math.floor(at / 2)), files }));
    expect(parseAnnouncements(many)).toHaveLength(50);
    expect(parseAnnouncements(many.filter((_, at) => at % 2 === 0))).toHaveLength(100);
  });

  test("is nothing when it is no list, whatever it is", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parseAnnouncements(value)).toEqual([]);
      }),
    );
  });
});
