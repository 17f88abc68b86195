import type { MirrorStatus } from "../core/report/mirror-status.ts";
import { withoutCredentials } from "../core/net/credentials.ts";
import type { Health, OriginHealth } from "./health.ts";
import type { MirrorLayouts } from "./mirror-layouts.ts";
import { originOf } from "./mirror-places.ts";
import type { Mirror } from "./mirrors.ts";

/**
 * What is known of the mirrors, in their order, and then of the other origins asked, newest first. `now`: since the
 * epoch.
 */
export function mirrorStatus(
  mirrors: readonly Mirror[],
  { health, layouts, now }: { health: Health; layouts: MirrorLayouts; now: number },
): MirrorStatus[] {
  const mirrorOrigins = new Set(mirrors.map(originOf));
  const hosts = health.origins().filter((origin) => !mirrorOrigins.has(origin));
  return [
    ...mirrors.map((mirror) => ({
      ...statusOf(withoutCredentials(mirror.url), health.of(originOf(mirror)), now),
      layout: layouts.known(mirror)?.layouts[0]?.kind ?? ("unknown" as const),
    })),
    ...hosts.toReversed().map((origin) => statusOf(origin, health.of(origin), now)),
  ];
}

function statusOf(
  url: string,
  { requests, failures, bytes, rate, avoidedForMs, problem }: OriginHealth,
  now: number,
): MirrorStatus {
  return {
    url,
    layout: "unknown",
    requests,
    failures,
    bytes,
    ...(rate !== undefined && { rate: Math.round(rate) }),
    ...(avoidedForMs !== undefined && { avoided_until: new Date(now + avoidedForMs).toISOString() }),
    ...(problem !== undefined && { problem }),
  };
}
