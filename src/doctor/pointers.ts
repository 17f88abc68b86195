import { gentooMirrors, isOurselves } from "../portage/mirrors.ts";
import type { Context } from "./context.ts";

/** By which ways Portage finds the agent. */
interface Pointers {
  /** `local` in /etc/portage/mirrors: digests, https and files that may not be mirrored. */
  readonly local: boolean;
  /** Among GENTOO_MIRRORS: digests and https. */
  readonly mirror: boolean;
  /** `http_proxy`: names, plain http only. */
  readonly proxy: boolean;
}

/** Tells the URLs that lead to this agent. */
export function leadsHere({ config, names }: Pick<Context, "config" | "names">): (url: string) => boolean {
  const own = { listen: config.proxy.listen, names };
  return (url) => URL.canParse(url) && isOurselves(new URL(url), own);
}

/** Reads off make.conf and /etc/portage/mirrors which of the ways lead to this agent. */
export function pointersOf(context: Context): Pointers {
  const { variables, localMirrors } = context;
  const isOurs = leadsHere(context);
  return {
    local: localMirrors.some(isOurs),
    mirror: gentooMirrors(variables).some(isOurs),
    proxy: isOurs(variables.get("http_proxy") ?? ""),
  };
}
