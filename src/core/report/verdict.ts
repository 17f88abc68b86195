import type { Status } from "./status.ts";
import { count, listed } from "../text/words.ts";

/** The answer to "does it work?", one or two sentences. */
export function verdict(status: Status): string {
  if (status.proxy.listen.length === 0) return "It does not work: no door listens, so Portage cannot reach it.";
  const at = `Portage reaches it at ${listed(status.proxy.listen)}.`;
  const warned = status.warnings.length === 0 ? "" : `, with ${count(status.warnings.length, "warning")} (below)`;
  const reading = status.index.ready ? "" : "; the Manifests are still being read";
  return `It works${warned}${reading}. ${at}`;
}
