import type { Status } from "./status.ts";
import type { Traffic } from "./traffic.ts";
import { formatSize } from "../text/units.ts";
import { percent } from "../text/words.ts";

/** What was given, by where it came from: for the command and for the page. */
interface TrafficTable {
  /** The spans of time: `today`. */
  readonly spans: readonly string[];
  /** For each span an amount, and its share of what this box was given where that means something. */
  readonly rows: readonly { readonly label: string; readonly cells: readonly { amount: string; share: string }[] }[];
}

/** How much came from this box, from peers and from upstream, and what did not come over the line for it. */
export function trafficTable(status: Status): TrafficTable {
  const spans = spansOf(status);
  const row = (label: string, bytesOf: (traffic: Traffic) => number, isShare = true): TrafficTable["rows"][number] => ({
    label,
    cells: spans.map(([, traffic]) => {
      const bytes = bytesOf(traffic);
      return { amount: formatSize(bytes), share: isShare ? percent(bytes, servedBytes(traffic)) : "" };
    }),
  });
  return {
    spans: spans.map(([label]) => label),
    rows: [
      row("from this box", ({ served }) => served.store.bytes),
      row("from peers", ({ served }) => served.peer.bytes),
      row("from upstream", ({ served }) => served.upstream.bytes),
      row("saved", (traffic) => servedBytes(traffic) - traffic.served.upstream.bytes),
      row("passed through", ({ passed }) => passed.bytes, false),
      row("given to peers", ({ uploaded }) => uploaded.bytes, false),
    ],
  };
}

/** Today and in total; of an agent that does not say, since its start. */
function spansOf(status: Status): [label: string, Traffic][] {
  if (status.traffic === undefined) return [["since the start", status]];
  const { today, total } = status.traffic;
  return [
    ["today", today],
    ["in total", total],
  ];
}

function servedBytes({ served }: Traffic): number {
  return served.store.bytes + served.peer.bytes + served.upstream.bytes;
}
