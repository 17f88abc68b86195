import { isOurselves } from "../portage/mirrors.ts";
import type { Context } from "./context.ts";

/** By which ways Portage finds the agent. */
export interface Pointers {
  /** `local` in /etc/portage/mirrors: digests, https and files that may not be mirrored. */
  readonly local: boolean;
  /** Among GENTOO_MIRRORS: digests and https. */
  readonly mirror: boolean;
  /** `http_proxy`: names, plain http only. */
  readonly proxy: boolean;
}

/** Reads off make.conf and /etc/portage/mirrors which of the ways lead to this agent. */
export function pointersOf({ config, names, variables, localMirrors }: Context): Pointers {
  const own = { listen: config.proxy.listen, names };
  const leadsHere = (url: string) => URL.canParse(url) && isOurselves(new URL(url), own);
  return {
    local: localMirrors.some(leadsHere),
    mirror: gentooMirrors(variables).some(leadsHere),
    proxy: leadsHere(variables.get("http_proxy") ?? ""),
  };
}

/** The words of GENTOO_MIRRORS. */
export function gentooMirrors(variables: ReadonlyMap<string, string>): string[] {
  return (variables.get("GENTOO_MIRRORS") ?? "").split(/\s+/).filter(Boolean);
}
