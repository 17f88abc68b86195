import { isOurselves } from "../portage/mirrors.ts";

/** Whether a word of Portage's config leads to the door at `url`, by whatever name it calls this box's loopback. */
export function leadsTo(url: string): (word: string) => boolean {
  const { hostname, port, protocol } = new URL(url);
  const door = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) };
  return (word) =>
    URL.canParse(word) &&
    new URL(word).protocol === protocol &&
    isOurselves(new URL(word), { listen: [door], names: [] });
}
