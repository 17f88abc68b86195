import { join } from "node:path";
import { namesClock } from "../../core/text/clock-words.ts";
import { Keyring } from "../../snapshot/keyring.ts";
import { CLOCK_MEND, ok, warn, type Check } from "../check.ts";

/** Tree snapshots can be verified here. */
export const keyring: Check = {
  name: "keyring",
  run: async ({ root, config, now }) => {
    const path = config.snapshot.keyring;
    const state = await new Keyring({ path: join(root, path), now: () => now }).current();
    if (state.usable) return ok(`${path} has a key that Gentoo signs tree snapshots with`);
    return warn(
      state.reason,
      namesClock(state.reason) ? CLOCK_MEND : "emerge --oneshot sec-keys/openpgp-keys-gentoo-release",
    );
  },
};
