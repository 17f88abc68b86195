import { expect, test } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { Guard } from "../../src/snapshot/guard.ts";
import type { Keyring, KeyringState } from "../../src/snapshot/keyring.ts";
import type { Shelf, ShelfStore, ShelvedUnit } from "../../src/snapshot/shelf.ts";

function keyring(stamp: string): KeyringState {
  return { usable: true, keys: [], stamp };
}

test("of two looks that cross, one of which still saw the old keyring, the new one counts", async () => {
  let readOld: (state: KeyringState) => void = () => {};
  const old = new Promise<KeyringState>((resolve) => (readOld = resolve));
  const reads = [old];
  const current = async (): Promise<KeyringState> => (await reads.shift()) ?? keyring("new");
  const guard = new Guard(
    {
      keyring: { current } as Keyring,
      shelf: { units: () => [] as ShelvedUnit[] } as Shelf,
      store: {} as ShelfStore,
      log: silentLogger,
      changed: () => {},
    },
    { now: () => 0 },
  );
  const first = guard.look();
  await guard.look();
  readOld(keyring("old"));
  await first;
  expect(guard.trusts({ stamp: "new" } as ShelvedUnit)).toBe(true);
});
