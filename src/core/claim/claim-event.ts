/** What happened between this box and the others that wanted the same blob. */
export interface ClaimEvent {
  /** ISO 8601. */
  readonly at: string;
  /**
   * `claimed`: this box asked upstream for the LAN. `followed`: `box` claimed it, and this one waited for its growing copy
   * (`box` may have followed another one itself). `yielded`: `box` went on instead. `took-over`: this box went on instead
   * of `box`. `alone`: this box asked upstream whatever others did, for the one that it followed gave nothing.
   */
  readonly event: "claimed" | "followed" | "yielded" | "took-over" | "alone";
  readonly box?: string;
}

/** What an event between the boxes that want a blob means, for people. */
export function claimText({ event, box = "another box" }: ClaimEvent): string {
  return {
    claimed: "this box asks upstream for it",
    followed: `this box awaits it from ${box}`,
    yielded: `${box} goes on with it: this box lets go`,
    "took-over": `this box takes over from ${box}`,
    alone: `${box} does not give it: this box goes on by itself`,
  }[event];
}
