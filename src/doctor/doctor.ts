import { hasCode, messageOf } from "../core/errors.ts";
import { unlessHangs } from "../core/fs/unless-hangs.ts";
import { fail, unchecked, type Check, type Finding } from "./check.ts";
import { agent } from "./checks/agent.ts";
import { clock } from "./checks/clock.ts";
import { diskRoom } from "./checks/disk-room.ts";
import { distdir } from "./checks/distdir.ts";
import { doors } from "./checks/doors.ts";
import { httpsMirrors } from "./checks/https-mirrors.ts";
import { keyring } from "./checks/keyring.ts";
import { mirrors } from "./checks/mirrors.ts";
import { multicast } from "./checks/multicast.ts";
import { nativeParts } from "./checks/native-parts.ts";
import { noProxy } from "./checks/no-proxy.ts";
import { peers } from "./checks/peers.ts";
import { pointing } from "./checks/pointing.ts";
import { portageVersion } from "./checks/portage-version.ts";
import { ports } from "./checks/ports.ts";
import { srcUri } from "./checks/src-uri.ts";
import { tree } from "./checks/tree.ts";
import { warnings } from "./checks/warnings.ts";
import type { Context } from "./context.ts";

const HANG_MEND = "see to its server or disk, or unmount it: umount --lazy --force";

/** Every check, from the agent outward. */
export const CHECKS: readonly Check[] = [
  agent,
  doors,
  pointing,
  noProxy,
  httpsMirrors,
  portageVersion,
  tree,
  srcUri,
  keyring,
  distdir,
  diskRoom,
  clock,
  mirrors,
  nativeParts,
  ports,
  multicast,
  peers,
  warnings,
];

/** A finding with the name of its check. */
export type Report = Finding & { readonly name: string };

/**
 * Makes all checks. One that cannot be made says so, and the others are made all the same; so does one that has not ended
 * after `waitMs`.
 */
export async function examine(context: Context, checks: readonly Check[] = CHECKS, waitMs?: number): Promise<Report[]> {
  return Promise.all(
    checks.map(async ({ name, run }) => {
      const finding = await unlessHangs(run(context), waitMs).catch(findingOf);
      return { name, ...finding };
    }),
  );
}

function findingOf(error: unknown): Finding {
  return hasCode(error, "FILES_HANG") ? fail(error.message, HANG_MEND) : unchecked(messageOf(error));
}
