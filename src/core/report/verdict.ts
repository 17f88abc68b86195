import type { Status } from "./status.ts";
import { count, listed } from "../text/words.ts";

/** The answer to "does it work?", one or two sentences. */
export function verdict(status: Status): string {
  if (status.proxy.listen.length === 0) return "It does not work: no door listens, so Portage cannot reach it.";
  const at = `Portage reaches it at ${listed(status.proxy.listen)}.`;
  if (status.warnings.length > 0) return `It works, with ${count(status.warnings.length, "warning")} (below). ${at}`;
  if (!status.index.ready) return `It works; the Manifests are still being read. ${at}`;
  return `It works. ${at}`;
}
