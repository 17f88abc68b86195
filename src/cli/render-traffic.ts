import type { Status, Tally, Traffic } from "../core/agent-api.ts";
import { formatSize } from "../core/units.ts";
import { percent } from "../core/words.ts";
import { renderTable, type Cell } from "./table.ts";

/** A span of time with what was given in it. */
interface Span {
  readonly label: string;
  readonly traffic: Traffic;
}

/** What was given today and in total; of an agent that does not say, since its start. */
function spansOf(status: Status): Span[] {
  if (status.traffic === undefined) return [{ label: "since the start", traffic: status }];
  const { today, total } = status.traffic;
  return [
    { label: "today", traffic: today },
    { label: "in total", traffic: total },
  ];
}

function bytesServed({ served }: Traffic): number {
  return served.store.bytes + served.peer.bytes + served.upstream.bytes;
}

/** What of it was saved: given to this box, and not fetched from upstream. */
function saved(traffic: Traffic): Cell[] {
  const bytes = bytesServed(traffic);
  const kept = bytes - traffic.served.upstream.bytes;
  return [{ right: formatSize(kept) }, { right: percent(kept, bytes) }];
}

/** How much came from this box, from peers and from upstream, and what did not come over the line for it. */
export function renderTraffic(status: Status): string {
  const spans = spansOf(status);
  const row = (what: string, cells: (traffic: Traffic) => Cell[]): Cell[] => [
    what,
    ...spans.flatMap(({ traffic }) => cells(traffic)),
  ];
  const share = (tally: Tally, traffic: Traffic): Cell[] => [
    { right: formatSize(tally.bytes) },
    { right: percent(tally.bytes, bytesServed(traffic)) },
  ];
  const amount = (tally: Tally): Cell[] => [{ right: formatSize(tally.bytes) }, ""];
  return renderTable([
    ["", ...spans.flatMap(({ label }): Cell[] => [{ right: label }, ""])],
    row("from this box", (traffic) => share(traffic.served.store, traffic)),
    row("from peers", (traffic) => share(traffic.served.peer, traffic)),
    row("from upstream", (traffic) => share(traffic.served.upstream, traffic)),
    row("saved", saved),
    row("passed through", ({ passed }) => amount(passed)),
    row("given to peers", ({ uploaded }) => amount(uploaded)),
  ]);
}
