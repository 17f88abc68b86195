/** The name of a test, or of a group, with why it is skipped: the end of the run tells (skip-reporter.ts). */
export function named(name: string, reason: string | undefined): string {
  return reason === undefined ? name : `${name} (skipped: ${reason})`;
}
