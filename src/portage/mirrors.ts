import { hostOf, isLoopback, portOf } from "../core/net/host.ts";

/** What this agent answers to. */
export interface OwnAddresses {
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  /** Other names and addresses of this box, in lower case. */
  readonly names: readonly string[];
}

/** Whether `url` leads back to this agent: one of its ports, at an address or a name of this box. */
export function isOurselves(url: URL, own: OwnAddresses): boolean {
  const host = hostOf(url);
  const names = [...own.names, ...own.listen.map((address) => address.host)];
  return own.listen.some(({ port }) => port === portOf(url)) && (isLoopback(host) || names.includes(host));
}

/** The words of GENTOO_MIRRORS, by the variables of make.conf. */
export function gentooMirrors(variables: ReadonlyMap<string, string>): string[] {
  return wordsOf(variables.get("GENTOO_MIRRORS"));
}

/** What GENTOO_MIRRORS comes to. */
interface Mirrors {
  /** http and https URLs and absolute paths, in its order, no `/` at their ends. */
  readonly usable: readonly string[];
  /** Words of another protocol, or that are no URLs. */
  readonly unusable: readonly string[];
}

/** Sorts out the words of GENTOO_MIRRORS and leaves this agent itself out. `file://` URLs become paths. */
export function readMirrors(value: string | undefined, own: OwnAddresses): Mirrors {
  const usable: string[] = [];
  const unusable: string[] = [];
  for (const word of wordsOf(value)) {
    const mirror = word.replace(/^file:\/\/(?=\/)/, "").replace(/(?<=.)\/+$/, "");
    const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
    if (mirror.startsWith("/")) usable.push(mirror);
    else if (url === undefined || !/^https?:$/.test(url.protocol)) unusable.push(word);
    else if (!isOurselves(url, own)) usable.push(mirror);
  }
  return { usable: [...new Set(usable)], unusable };
}

function wordsOf(value = ""): string[] {
  return value.split(/\s+/).filter(Boolean);
}
