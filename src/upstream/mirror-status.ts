import type { MirrorStatus } from "../core/agent-api.ts";
import type { Health, OriginHealth } from "./health.ts";
import type { MirrorLayouts } from "./mirror-layouts.ts";
import { originOf } from "./mirror-places.ts";
import type { Mirror } from "./mirrors.ts";

/** What is known of the mirrors, in their order, and then of the other origins asked, newest first. */
export function mirrorStatus(mirrors: readonly Mirror[], health: Health, layouts: MirrorLayouts): MirrorStatus[] {
  const mirrorOrigins = new Set(mirrors.map(originOf));
  const hosts = health.origins().filter((origin) => !mirrorOrigins.has(origin));
  return [
    ...mirrors.map((mirror) =>
      statusOf(mirror.url, health.of(originOf(mirror)), layouts.known(mirror)?.layouts[0]?.kind),
    ),
    ...hosts.toReversed().map((origin) => statusOf(origin, health.of(origin))),
  ];
}

function statusOf(
  url: string,
  { requests, failures, bytes, rate, avoidedUntil, problem }: OriginHealth,
  layout: MirrorStatus["layout"] = "unknown",
): MirrorStatus {
  return {
    url,
    layout,
    requests,
    failures,
    bytes,
    ...(rate !== undefined && { rate: Math.round(rate) }),
    ...(avoidedUntil !== undefined && { avoided_until: new Date(avoidedUntil).toISOString() }),
    ...(problem !== undefined && { problem }),
  };
}
