/**
 * Control characters other than line breaks, those of C1 included, line separators of Unicode, and what turns the direction of
 * text round.
 */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/**
 * A text as it may be shown on a terminal, and written to a log: what a server, a Manifest or another box says may be part of it,
 * and could rewrite the one or forge lines of the other.
 */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
