/** Said of what may only be wrong because the clock of this box is: `doctor` looks for it in what a door answers. */
const CLOCK_SAYS = "the clock of this box says";

/** `the clock of this box says 1970-01-01T00:03:20.000Z`, for `now` in milliseconds since 1970. */
export function whatClockSays(now: number): string {
  return `${CLOCK_SAYS} ${new Date(now).toISOString()}`;
}

/** `the clock of this box says 1970-01-01`: the same line all day, for what is told only when it is news. */
export function whatCalendarSays(now: number): string {
  return `${CLOCK_SAYS} ${new Date(now).toISOString().slice(0, 10)}`;
}

/** Whether a line names the clock by {@link whatClockSays} or {@link whatCalendarSays}. */
export function namesClock(line: string): boolean {
  return line.includes(CLOCK_SAYS);
}
