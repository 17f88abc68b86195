import { count } from "../core/text/words.ts";
import type { Report } from "../doctor/doctor.ts";

const LABELS: Readonly<Record<Report["verdict"], string>> = { ok: "ok", warn: "WARN", fail: "FAIL", unchecked: "-" };

/** What `doctor` found: a line for each check, below it the mend where one is needed; then the sum. */
export function renderDoctor(reports: readonly Report[]): string {
  const label = Math.max(...Object.values(LABELS).map(({ length }) => length));
  const name = Math.max(0, ...reports.map(({ name }) => name.length));
  const indent = " ".repeat(label + name + 4);
  const lines = reports.map((report) => {
    const line = `${LABELS[report.verdict].padEnd(label)}  ${report.name.padEnd(name)}  ${report.seen}\n`;
    return "mend" in report ? `${line}${indent}mend: ${report.mend}\n` : line;
  });
  return `${lines.join("")}\n${sum(reports)}\n`;
}

function sum(reports: readonly Report[]): string {
  const number = (verdict: Report["verdict"]) => reports.filter((report) => report.verdict === verdict).length;
  const parts = [
    number("fail") > 0 ? count(number("fail"), "failure") : "",
    number("warn") > 0 ? count(number("warn"), "warning") : "",
    number("unchecked") > 0 ? `${number("unchecked")} not checked` : "",
  ].filter(Boolean);
  return parts.length === 0
    ? `All is well: ${count(reports.length, "check")}.`
    : `${number("ok")} well, ${parts.join(", ")}.`;
}
