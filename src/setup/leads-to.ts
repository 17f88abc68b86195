import { hostOf, portOf } from "../core/net/host.ts";
import { isOurselves } from "../portage/mirrors.ts";

/** Whether a word of Portage's config leads to the door at `url`, by whatever name it calls this box's loopback. */
export function leadsTo(url: string): (word: string) => boolean {
  const at = new URL(url);
  const door = { host: hostOf(at), port: portOf(at) };
  return (word) =>
    URL.canParse(word) &&
    new URL(word).protocol === at.protocol &&
    isOurselves(new URL(word), { listen: [door], names: [] });
}
