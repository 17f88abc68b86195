/** `mirror://NAME` -> the base URLs that it stands for (profiles/thirdpartymirrors; PMS 5.4.1). */
export type ThirdPartyMirrors = ReadonlyMap<string, readonly string[]>;

const MIRROR_URI = /^mirror:\/\/([^/]+)\/(.+)$/;

/** Reads a thirdpartymirrors file: a name and its URLs a line, `#` comments. */
export function parseThirdPartyMirrors(text: string): ThirdPartyMirrors {
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim().split(/\s+/));
  return new Map(lines.filter(([name]) => name !== "").map(([name = "", ...urls]) => [name, urls]));
}

/** One map of several, the earlier ones' URLs first. */
export function mergeMirrors(maps: readonly ThirdPartyMirrors[]): ThirdPartyMirrors {
  const merged = new Map<string, string[]>();
  for (const [name, urls] of maps.flatMap((map) => [...map])) {
    merged.set(name, [...new Set([...(merged.get(name) ?? []), ...urls])]);
  }
  return merged;
}

/**
 * The URLs that a SRC_URI word stands for: itself, or what its `mirror://` expands to. `turn` (any whole number) says
 * which of the mirrors is first, so that not every file burdens the one that the list names first.
 */
export function expandUri(uri: string, mirrors: ThirdPartyMirrors, turn: number): string[] {
  const match = MIRROR_URI.exec(uri);
  if (match === null) return [uri];
  const bases = mirrors.get(match[1]!) ?? [];
  const first = turn % Math.max(1, bases.length);
  return [...bases.slice(first), ...bases.slice(0, first)].map((base) => join(base, match[2]!));
}

/** The `mirror://` words that expand to `url`: the way back. */
export function contractUrl(url: string, mirrors: ThirdPartyMirrors): string[] {
  return [...mirrors].flatMap(([name, bases]) =>
    bases
      .map((base) => join(base, ""))
      .filter((base) => url.startsWith(base) && url.length > base.length)
      .map((base) => `mirror://${name}/${url.slice(base.length)}`),
  );
}

function join(base: string, path: string): string {
  return `${base.replace(/\/+$/, "")}/${path}`;
}
