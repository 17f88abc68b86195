import { hasCode } from "../core/errors.ts";

/** Exit codes of every command: a contract for scripts. */
export const EXIT = { done: 0, failed: 1, usage: 2, damage: 3, notRunning: 10, interrupted: 130 } as const;

/** The exit codes as the help tells them. */
export const EXIT_CODE_HELP = `Exit codes:
  0   done
  1   failed
  2   wrong usage or config
  3   fsck found damage that is not repaired
  10  the agent is not running
  130 interrupted (agent and status --watch end so with 0)`;

/** The exit code that an error ends a command with. */
export function exitCodeOf(error: unknown): number {
  if (hasCode(error, "USAGE", "INVALID_CONFIG")) return EXIT.usage;
  if (hasCode(error, "AGENT_NOT_RUNNING")) return EXIT.notRunning;
  return EXIT.failed;
}
