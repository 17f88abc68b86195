import type { TransferStatus } from "../core/report/transfer-status.ts";
import { formatSeconds, formatSize } from "../core/text/units.ts";
import { count, percent } from "../core/text/words.ts";
import { renderTable, type Cell } from "./table.ts";

const BAR_WIDTH = 20;

/** How far something is, as a bar: `[#####---------------]`. */
export function progressBar(part: number, whole: number): string {
  const filled = whole === 0 ? 0 : Math.min(BAR_WIDTH, Math.floor((BAR_WIDTH * part) / whole));
  return `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
}

function speed({ received, seconds }: TransferStatus): string {
  return seconds === 0 || received === 0 ? "" : `${formatSize(Math.round(received / seconds))}/s`;
}

function row(transfer: TransferStatus): Cell[] {
  const { name, received, size, source, clients, seconds } = transfer;
  return [
    name,
    progressBar(received, size),
    { right: percent(received, size) },
    { right: `of ${formatSize(size)}` },
    { right: speed(transfer) },
    source === undefined ? "waits for a source" : `from ${URL.canParse(source) ? new URL(source).host : source}`,
    { right: clients === 0 ? "in the background" : count(clients, "client") },
    { right: formatSeconds(seconds) },
  ];
}

/** A line with a progress bar for each transfer, at most `limit`; empty for none. */
export function renderTransfers(transfers: readonly TransferStatus[], limit = Infinity): string {
  const shown = transfers.slice(0, limit);
  const more = transfers.length - shown.length;
  return `${renderTable(shown.map(row))}${more === 0 ? "" : `  and ${more} more\n`}`;
}
