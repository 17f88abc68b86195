/** One file of an ebuild's SRC_URI (PMS 8.2.10), whichever USE flags it hangs on. */
export interface SrcUriFile {
  /** The distfile's name: after `->`, or the last part of the URL. */
  readonly name: string;
  /** As written, less its prefix: a URL, or `mirror://NAME/path`. Absent for a bare file name. */
  readonly uri?: string;
  /** `mirror+` lifts RESTRICT=mirror and =fetch from this file, `fetch+` lifts =fetch (EAPI 8). */
  readonly lifts?: "mirror" | "fetch";
}

const PREFIXED = /^(mirror|fetch)\+(?=[A-Za-z][A-Za-z0-9+.-]*:\/\/)/;
const STRUCTURE = /^(\(|\)|\|\||!?[A-Za-z0-9][A-Za-z0-9+_@-]*\?)$/;

/** Reads a SRC_URI. All branches of its USE conditionals count; what makes no sense is skipped. Never throws. */
export function parseSrcUri(text: string): SrcUriFile[] {
  const words = text.split(/\s+/).filter((word) => word !== "" && !STRUCTURE.test(word));
  const files: SrcUriFile[] = [];
  for (let i = 0; i < words.length; i++) {
    const renamed = words[i + 1] === "->" ? words[i + 2] : undefined;
    const file = parseWord(words[i]!, renamed);
    if (file !== undefined) files.push(file);
    if (renamed !== undefined) i += 2;
  }
  return files;
}

function parseWord(word: string, renamed: string | undefined): SrcUriFile | undefined {
  const lifts = PREFIXED.exec(word)?.[1] as "mirror" | "fetch" | undefined;
  const uri = word.replace(PREFIXED, "");
  const name = renamed ?? uri.slice(uri.lastIndexOf("/") + 1);
  if (name === "" || name === "->" || name.includes("/")) return undefined;
  return { name, ...(uri.includes("://") && { uri }), ...(lifts && { lifts }) };
}

/** What an ebuild's RESTRICT says of fetching. */
export interface FetchRestriction {
  readonly mirror: boolean;
  readonly fetch: boolean;
}

/**
 * Reads a RESTRICT; `nomirror` is the old word for `mirror` (fetch.py). What hangs on a USE flag does not restrict, for
 * we do not know the flags of who asks. Never throws.
 */
export function parseRestrict(text: string): FetchRestriction {
  const unconditional = new Set<string>();
  const groups: boolean[] = []; // whether each open group hangs on a flag, by itself or by one around it
  let afterFlag = false;
  for (const word of text.split(/\s+/).filter((some) => some !== "")) {
    const conditional = afterFlag || groups.at(-1) === true;
    if (word === "(") groups.push(conditional);
    else if (word === ")") groups.pop();
    else if (!conditional) unconditional.add(word);
    afterFlag = word.endsWith("?");
  }
  return { mirror: unconditional.has("mirror") || unconditional.has("nomirror"), fetch: unconditional.has("fetch") };
}
