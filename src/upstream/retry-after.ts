/** The headers of an answer, as far as they tell when to ask again. */
interface WaitHeaders {
  readonly "retry-after"?: string | undefined;
  readonly date?: string | undefined;
}

/**
 * Reads `Retry-After` (RFC 9110, 10.2.3): seconds, or an HTTP date, by the clock of the server, which its `Date` tells: a
 * clock of ours that is ten minutes slow would make ten minutes of one. Milliseconds from `now`, never negative; undefined
 * when there is none or it is neither.
 */
export function parseRetryAfter(headers: WaitHeaders, now: number): number | undefined {
  const value = headers["retry-after"];
  if (value === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  const sent = Date.parse(headers.date ?? "");
  return Number.isNaN(date) ? undefined : Math.max(0, date - (Number.isNaN(sent) ? now : sent));
}
