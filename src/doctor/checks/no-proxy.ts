import { hostOf } from "../../core/net/host.ts";
import { gentooMirrors } from "../../portage/mirrors.ts";
import { ok, warn, type Check } from "../check.ts";
import { pointersOf } from "../pointers.ts";

/** Nothing takes the mirrors out of http_proxy. */
export const noProxy: Check = {
  name: "no_proxy",
  run: async (context) => {
    if (!pointersOf(context).proxy) return ok("http_proxy is not the agent's, so no_proxy does not matter");
    const { variables, env } = context;
    const excepted = [variables.get("no_proxy"), env["no_proxy"]]
      .join(",")
      .split(/[\s,]+/)
      .filter(Boolean);
    const hosts = gentooMirrors(variables)
      .filter((url) => URL.canParse(url))
      .map((url) => hostOf(new URL(url)));
    const around = hosts.filter((host) => excepted.some((entry) => isExcepted(host, entry)));
    if (around.length === 0) return ok("no mirror is taken out of http_proxy");
    const seen = `no_proxy takes out ${[...new Set(around)].join(", ")}: Portage goes around the agent there`;
    return warn(seen, "take these hosts out of no_proxy, in make.conf and in the environment");
  },
};

/** Whether wget leaves the proxy out for a host: the entry is it, or a domain above it. */
function isExcepted(host: string, entry: string): boolean {
  const domain = entry.replace(/^\*?\.?/, "");
  return domain === "" || host === domain || host.endsWith(`.${domain}`);
}
