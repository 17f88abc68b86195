import type { Status } from "../core/report/status.ts";
import { trafficTable } from "../core/report/traffic-table.ts";
import { renderTable, type Cell } from "./table.ts";

/** How much came from where, as text; see {@link trafficTable}. */
export function renderTraffic(status: Status): string {
  const { spans, rows } = trafficTable(status);
  return renderTable([
    ["", ...spans.flatMap((label): Cell[] => [{ right: label }, ""])],
    ...rows.map(({ label, cells }): Cell[] => [
      label,
      ...cells.flatMap(({ amount, share }): Cell[] => [{ right: amount }, share === "" ? "" : { right: share }]),
    ]),
  ]);
}
