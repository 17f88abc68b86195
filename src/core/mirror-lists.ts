/** A name -> its base URLs, in their order: what profiles/thirdpartymirrors and /etc/portage/mirrors hold. */
export type MirrorLists = ReadonlyMap<string, readonly string[]>;

/**
 * Reads such a file as Portage's grabdict does: a name and its URLs a line, the lines of one name together, a word that
 * begins with `#` ends the line. Never throws.
 */
export function parseMirrorLists(text: string): MirrorLists {
  const lists = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [name, ...urls] = wordsOf(line);
    if (name !== undefined && urls.length > 0) lists.set(name, [...(lists.get(name) ?? []), ...urls]);
  }
  return lists;
}

function wordsOf(line: string): string[] {
  const words = line.split(/\s+/).filter((word) => word !== "");
  const comment = words.findIndex((word) => word.startsWith("#"));
  return comment === -1 ? words : words.slice(0, comment);
}
