import { expect, test } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { Guard } from "../../src/snapshot/guard.ts";
import type { Keyring, KeyringState } from "../../src/snapshot/keyring.ts";
import type { Shelf, ShelfStore, ShelvedUnit } from "../../src/snapshot/shelf.ts";
import { logInto } from "../support/log-lines.ts";
import { announcementOf, makeKey, makeUnit, NOW } from "./support/unit.ts";

/** A guard that reads the keyring so, before a shelf and a store of which it uses no more than is there; `told`: whom and what. */
function guardOf(
  current: Keyring["current"],
  shelf: Partial<Shelf>,
  store: Partial<ShelfStore> = {},
  told: string[] = [],
): Guard {
  const changed = (): void => void told.push("changed");
  const components = { shelf: shelf as Shelf, store: store as ShelfStore, log: logInto(told), changed };
  return new Guard({ ...components, keyring: { current } as Keyring }, { now: () => NOW });
}

function keyring(stamp: string): KeyringState & { usable: true } {
  return { usable: true, keys: [], stamp };
}

test("of two looks that cross, one of which still saw the old keyring, the new one counts", async () => {
  let readOld: (state: KeyringState) => void = () => {};
  const old = new Promise<KeyringState>((resolve) => (readOld = resolve));
  const reads = [old];
  const guard = guardOf(async () => (await reads.shift()) ?? keyring("new"), { units: () => [] });
  const first = guard.look();
  await guard.look();
  readOld(keyring("old"));
  await first;
  expect(guard.trusts({ stamp: "new" } as ShelvedUnit)).toBe(true);
  expect(guard.trusts({ stamp: "old" } as ShelvedUnit)).toBe(false);
});

test("a unit that the old keyring was good for, and that came after the change, is verified anew at the next look", async () => {
  let units: ShelvedUnit[] = [];
  const drop = async (date: string): Promise<void> => void (units = units.filter((unit) => unit.date !== date));
  const guard = guardOf(async () => keyring("new"), { units: () => units, drop }, { open: async () => undefined });
  await guard.look();
  const made = await makeUnit(await makeKey());
  units = [{ date: made.date, files: announcementOf(made).files, signedBy: "", key: "", signedAt: 0, stamp: "old" }];
  await guard.look();
  expect(units).toEqual([]);
});

test("why no key can be used is told once, however often it is looked at", async () => {
  const lines: string[] = [];
  const state = { usable: false, reason: "there is no keyring" } as const;
  const guard = guardOf(async () => state, { units: () => [] }, {}, lines);
  for (let look = 1; look <= 3; look += 1) expect(await guard.look()).toBe(state);
  expect(lines).toEqual(["there is no keyring", "changed"]);
});

test("a unit that passes is kept, though the disk does not take the note of it", async () => {
  const key = await makeKey();
  const made = await makeUnit(key);
  const { files } = announcementOf(made);
  let unit: ShelvedUnit = { date: made.date, files, signedBy: "", key: "", signedAt: 0, stamp: "old" };
  let isDropped = false;
  const shelf: Partial<Shelf> = {
    units: () => [unit],
    confirm: async (_, stamp) => {
      unit = { ...unit, stamp };
      throw new Error("ENOSPC: no space left on device");
    },
    drop: async () => void (isDropped = true),
  };
  const open = async (digest: Digest) => {
    const bytes = Object.values(made.files).filter((file) => digestOf(file) === digest);
    return { digest, size: 0, where: "store", path: "", read: () => each(bytes), close: async () => {} } as const;
  };
  const keys = [key.toPublic()];
  const guard = guardOf(async () => ({ ...keyring("new"), keys }), shelf, { open });
  await guard.look();
  expect([isDropped, guard.trusts(unit)]).toEqual([false, true]);
});

async function* each(bytes: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* bytes;
}
