/** A part in single quotes, or all up to the next such part; single quotes within double ones begin none. */
const RUN = /'[^']*'?|(?:"(?:\\(?:\\['"$]|[^])|[^"\\])*"?|\\(?:\\['"$]|[^])|\$'|[^'])+/g;

const EXPANSION = /\\(?<escaped>\\['"$]?|[^])|\$(?:\{(?<braced>\w+)\}|(?<bare>\w+)|(?<bad>[^]))|(?<newline>\n)/g;

/**
 * Fills in `$NAME` and `${NAME}` by `valueOf` (nothing for an unknown one), joins continued lines, and makes each other
 * line break a space, as Portage does (lib/portage/util/__init__.py, `varexpand`). Quotes around the value are gone by
 * then, so that single ones prevent nothing; those that are part of it do, and stay.
 *
 * @returns undefined when a `$` stands before anything else: Portage takes the whole value for empty then.
 */
export function expand(value: string, valueOf: (name: string) => string | undefined): string | undefined {
  let understood = true;
  const fill = (run: string): string =>
    run.replace(EXPANSION, (...match) => {
      const { escaped, braced, bare, bad, newline } = match.at(-1) as Record<string, string | undefined>;
      if (escaped !== undefined) return unescape(escaped);
      if (newline !== undefined) return " ";
      if (bad !== undefined) understood = false;
      return valueOf(braced ?? bare ?? "") ?? "";
    });
  const expanded = value.replace(RUN, (run) => (run.startsWith("'") ? run : fill(run)));
  return understood ? expanded : undefined;
}

/** What follows a backslash; a second one takes a quote or `$` behind it along. */
function unescape(escaped: string): string {
  if (escaped === "\n") return "";
  return /^[$\\]/.test(escaped) ? escaped : `\\${escaped}`;
}
