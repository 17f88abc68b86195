import type { Context } from "./context.ts";

/** What a check came to. */
export type Finding =
  | { readonly verdict: "ok"; /** What was seen, one line. */ readonly seen: string }
  | {
      readonly verdict: "warn" | "fail";
      readonly seen: string;
      /** What to do about it, one line. */ readonly mend: string;
    }
  | { readonly verdict: "unchecked"; /** Why it could not be looked at. */ readonly seen: string };

/** One thing that goes wrong in the field. */
export interface Check {
  /** Short, for tables and scripts. */
  readonly name: string;
  run(context: Context): Promise<Finding>;
}

/** All is well. */
export function ok(seen: string): Finding {
  return { verdict: "ok", seen };
}

/** It works, but not as well as it could. */
export function warn(seen: string, mend: string): Finding {
  return { verdict: "warn", seen, mend };
}

/** Something does not work. */
export function fail(seen: string, mend: string): Finding {
  return { verdict: "fail", seen, mend };
}

/** It cannot be told now. */
export function unchecked(why: string): Finding {
  return { verdict: "unchecked", seen: `not checked: ${why}` };
}

/** What mends a wrong clock, for all checks that meet one. */
export const CLOCK_MEND = "set the clock and keep it: chronyd, ntpd or systemd-timesyncd";

/** For whatever the running agent must be asked. */
export const AGENT_NEEDED = unchecked("the agent does not answer");
