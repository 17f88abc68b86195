import type { Config } from "../config.ts";
import type { Database } from "../core/database.ts";
import type { Logger } from "../core/logger.ts";
import { VERSION } from "../core/version.ts";
import { UpstreamMirrors } from "../upstream/upstream-mirrors.ts";

/** Builds the mirrors and the way to them. `via`: this agent's name in `Via` fields. */
export function buildUpstream(config: Config, components: { db: Database; log: Logger }, via: string): UpstreamMirrors {
  const { mirrors, custom_mirrors: customMirrors, header_timeout, stall_timeout } = config.upstream;
  return new UpstreamMirrors(components, {
    mirrors,
    customMirrors,
    ...wayOut(config),
    headerTimeoutMs: header_timeout,
    stallTimeoutMs: stall_timeout,
    repos: config.portage.repos,
    version: VERSION,
    via,
  });
}

/** The proxy that the agent itself must use, where there is one, and what is reached without it. */
export function wayOut(config: Config): { proxy?: string; noProxy: readonly string[] } {
  const { proxy, no_proxy: noProxy } = config.upstream;
  return proxy === null ? { noProxy } : { proxy, noProxy };
}
