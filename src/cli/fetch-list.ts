const URL_WORD = /^[a-z][a-z0-9+.-]*:\/\/\S+$/i;
/** A distfile name or a digest; what else programs print ends in `!`, `:` or `...`, or has several words. */
const NAME = /^[\w@%+~][^\s/:!*<>[\]]*$/;

function isWanted(line: string): boolean {
  if (line.endsWith("...")) return false;
  return NAME.test(line) || line.split(/\s+/).every((word) => URL_WORD.test(word));
}

/**
 * The lines of a list that name a file each: a name, a digest, or URLs of one file as `emerge -fp` prints them. All else
 * (blank lines, comments, what emerge says besides) is left out.
 */
export function parseFetchList(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter(isWanted);
}
