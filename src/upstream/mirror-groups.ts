import type { MirrorLists } from "../core/mirror-lists.ts";

const MIRROR_URI = /^mirror:\/\/([^/]+)\/(.+)$/;

/** What `mirror://NAME/` stands for, by who says so. */
export interface MirrorGroups {
  /** /etc/portage/mirrors: asked first, and in its order. */
  readonly custom: MirrorLists;
  /** profiles/thirdpartymirrors: asked in turns. */
  readonly thirdParty: MirrorLists;
}

/**
 * One list of several, as Portage stacks profiles/thirdpartymirrors (config.py, `stack_dictlist`): the earlier ones'
 * URLs first, each once; `-URL` takes one back and `-*` all that came before.
 */
export function stackMirrors(lists: readonly MirrorLists[]): MirrorLists {
  const stacked = new Map<string, string[]>();
  for (const [name, words] of lists.flatMap((list) => [...list])) {
    stacked.set(name, words.reduce(stackWord, stacked.get(name) ?? []));
  }
  return new Map([...stacked].filter(([, urls]) => urls.length > 0));
}

function stackWord(urls: string[], word: string): string[] {
  if (word === "-*") return [];
  if (word.startsWith("-")) return urls.filter((url) => url !== word.slice(1));
  return urls.includes(word) ? urls : [...urls, word];
}

/** NAME of `mirror://NAME/…`; undefined of any other URL. */
export function groupOf(uri: string): string | undefined {
  return MIRROR_URI.exec(uri)?.[1];
}

/**
 * The URLs that a SRC_URI word stands for: itself, or what its `mirror://` expands to. `turn` (any whole number) says
 * which third-party mirror is first, so that not every file burdens the one that the list names first.
 */
export function expandUri(uri: string, { custom, thirdParty }: MirrorGroups, turn: number): string[] {
  const [, name, path] = MIRROR_URI.exec(uri) ?? [];
  if (name === undefined || path === undefined) return [uri];
  const bases = thirdParty.get(name) ?? [];
  const first = turn % Math.max(1, bases.length);
  const inTurn = [...bases.slice(first), ...bases.slice(0, first)];
  return [...(custom.get(name) ?? []), ...inTurn].map((base) => join(base, path));
}

/** The `mirror://` words that expand to `url`: the way back. */
export function contractUrl(url: string, { custom, thirdParty }: MirrorGroups): string[] {
  return [...custom, ...thirdParty].flatMap(([name, bases]) =>
    bases
      .map((base) => join(base, ""))
      .filter((base) => url.startsWith(base) && url.length > base.length)
      .map((base) => `mirror://${name}/${url.slice(base.length)}`),
  );
}

function join(base: string, path: string): string {
  return `${base.replace(/\/+$/, "")}/${path}`;
}
