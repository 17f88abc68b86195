import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import type { SnapshotAnnouncement } from "../../src/core/snapshots.ts";
import type { DatedAnnouncement } from "../../src/snapshot/announcement.ts";
import { Rumours } from "../../src/snapshot/rumours.ts";

const DATE = "20261119";
const now = (): number => Date.parse("2026-11-20T12:00:00Z");

function announcement(content: string): SnapshotAnnouncement {
  const file = (part: string) => ({ digest: digestOf(Buffer.from(content + part)), size: 1 });
  const files = { tarball: file("tarball"), signature: file("signature"), md5sum: file("md5sum") };
  return { name: `gentoo-${DATE}`, files };
}

test("a peer that did not keep its word is not believed again for having left and come back", () => {
  const rumours = new Rumours({ now });
  rumours.heard("liar", [announcement("a lie")]);
  rumours.failed(rumours.candidates(DATE)[0]!);
  rumours.gone("liar");
  rumours.heard("liar", [announcement("another lie")]);
  expect(rumours.isPromised(DATE)).toBe(false);
  rumours.heard("honest", [announcement("the truth")]);
  expect(rumours.candidates(DATE).map((unit) => rumours.peersWith(unit))).toEqual([["honest"], ["liar"]]);
});

test("who gave what passed all checks is believed again", () => {
  const rumours = new Rumours({ now });
  rumours.heard("peer", [announcement("the truth")]);
  const [unit] = rumours.candidates(DATE);
  rumours.failed(unit!);
  expect(rumours.isPromised(DATE)).toBe(false);
  rumours.kept(unit!);
  expect(rumours.isPromised(DATE)).toBe(true);
});

test("under another keyring what was refused is a candidate again, and who announced it is believed", () => {
  const rumours = new Rumours({ now });
  rumours.heard("peer", [announcement("signed by a key that was not known")]);
  rumours.refuse(rumours.candidates(DATE)[0]!);
  expect(rumours.candidates(DATE)).toEqual([]);
  rumours.forgive();
  expect(rumours.isPromised(DATE)).toBe(true);
});

test("of the units that were refused a thousand are remembered, the last ones, however many one box announces", () => {
  const rumours = new Rumours({ now });
  const isCandidate = (number: number): boolean => {
    rumours.heard("liar", [announcement(`lie ${number}`)]);
    return rumours.candidates(DATE).length > 0;
  };
  for (let number = 0; number <= 1024; number += 1) {
    expect(isCandidate(number)).toBe(true);
    rumours.refuse(announcement(`lie ${number}`) as DatedAnnouncement);
  }
  expect([isCandidate(1024), isCandidate(1), isCandidate(0)]).toEqual([false, false, true]);
});

test("of those that did not keep their word a thousand are remembered, the last ones", () => {
  const rumours = new Rumours({ now });
  for (let number = 0; number <= 1024; number += 1) {
    rumours.heard(`liar ${number}`, [announcement(`lie ${number}`)]);
    rumours.failed(rumours.candidates(DATE)[0]!);
    rumours.gone(`liar ${number}`);
  }
  const isBelieved = (peer: string): boolean => {
    rumours.heard(peer, [announcement("again")]);
    const promised = rumours.isPromised(DATE);
    rumours.gone(peer);
    return promised;
  };
  expect([isBelieved("liar 1024"), isBelieved("liar 1"), isBelieved("liar 0")]).toEqual([false, false, true]);
});
