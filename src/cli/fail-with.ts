import { hasCode } from "../core/errors.ts";
import { unlessHangs } from "../core/fs/unless-hangs.ts";

/** How long a mistake in the config is looked for, in ms: it is read in a tenth of a second. */
const LOOK_MS = 5000;

/**
 * Throws an error; where no agent runs, the mistake in its config that will be why. An agent that hangs has none: what it
 * waits for may be the very file system that Portage's files are on.
 */
export async function failWith(failure: unknown, load: () => Promise<unknown>, lookMs = LOOK_MS): Promise<never> {
  if (!hasCode(failure, "AGENT_NOT_RUNNING") || failure.facts["hangs"] === true) throw failure;
  await unlessHangs(load(), lookMs).catch((mistake: unknown) => {
    if (!hasCode(mistake, "FILES_HANG")) throw mistake;
  });
  throw failure;
}
