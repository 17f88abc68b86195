/** One file of an ebuild's SRC_URI (PMS 8.2.10). */
export interface SrcUriFile {
  /** The distfile's name: after `->`, or the last part of the URL. */
  readonly name: string;
  /** As written, less its prefix: a URL, or `mirror://NAME/path`. Absent for a bare file name. */
  readonly uri?: string;
  /** `mirror+` lifts RESTRICT=mirror and =fetch from this file, `fetch+` lifts =fetch (EAPI 8). */
  readonly lifts?: "mirror" | "fetch";
  /** Whether it hangs on a USE flag. @default false */
  readonly conditional?: boolean;
}

/** A word of a value with USE conditionals, and whether it hangs on a flag. */
interface Word {
  readonly word: string;
  readonly conditional: boolean;
}

const PREFIXED = /^(mirror|fetch)\+(?=[A-Za-z][A-Za-z0-9+.-]*:\/\/)/;
const STRUCTURE = /^(\(|\)|\|\||!?[A-Za-z0-9][A-Za-z0-9+_@-]*\?)$/;

/** Reads a SRC_URI. All branches of its USE conditionals count; what makes no sense is skipped. Never throws. */
export function parseSrcUri(text: string): SrcUriFile[] {
  const words = flatten(text);
  const files: SrcUriFile[] = [];
  for (let i = 0; i < words.length; i++) {
    const { word, conditional } = words[i]!;
    const renamed = words[i + 1]?.word === "->" ? words[i + 2]?.word : undefined;
    const file = parseWord(word, renamed);
    if (file !== undefined) files.push({ ...file, ...(conditional && { conditional }) });
    if (renamed !== undefined) i += 2;
  }
  return files;
}

/** The words less the structure: a word hangs on a flag by its group, or by one around that. */
function flatten(text: string): Word[] {
  const words: Word[] = [];
  const groups: boolean[] = [];
  let afterFlag = false;
  for (const word of text.split(/\s+/).filter((some) => some !== "")) {
    const conditional = afterFlag || groups.at(-1) === true;
    if (word === "(") groups.push(conditional);
    else if (word === ")") groups.pop();
    else if (!STRUCTURE.test(word)) words.push({ word, conditional });
    afterFlag = word.endsWith("?") && STRUCTURE.test(word);
  }
  return words;
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
  const unconditional = new Set(flatten(text).flatMap(({ word, conditional }) => (conditional ? [] : [word])));
  return { mirror: unconditional.has("mirror") || unconditional.has("nomirror"), fetch: unconditional.has("fetch") };
}
