const EXPANSION = /\\(?<escaped>[\s\S])|\$\{(?<braced>\w+)\}|\$(?<bare>\w+)|(?<bad>\$\{[^}]*\}?)|(?<newline>\n)/g;

/**
 * Fills in `$NAME` and `${NAME}` from `variables` (nothing for an unknown one), joins continued lines, and makes each
 * other line break a space, as Portage does. Also within single quotes: so does Portage.
 *
 * @returns undefined when a `${…}` holds more than a name: Portage knows no other kind.
 */
export function expand(value: string, variables: ReadonlyMap<string, string>): string | undefined {
  let understood = true;
  const expanded = value.replace(EXPANSION, (...match) => {
    const { escaped, braced, bare, bad, newline } = match.at(-1) as Record<string, string | undefined>;
    if (escaped !== undefined) return unescape(escaped);
    if (newline !== undefined) return " ";
    if (bad !== undefined) understood = false;
    return variables.get(braced ?? bare ?? "") ?? "";
  });
  return understood ? expanded : undefined;
}

function unescape(character: string): string {
  if (character === "\n") return "";
  return character === "$" || character === "\\" ? character : `\\${character}`;
}
