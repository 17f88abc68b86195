/** Files that a client must have asked for before the next are foreseen: a single one may be all that it wants. */
const ASKED_BEFORE = 2;

/**
 * A client on its way through the files of an ebuild. Portage asks for them one after another, in the order of SRC_URI
 * (fetch.py, `filedict`). For which of a package's ebuilds is not known: for one of those that need all that it asked for.
 */
export class FetchOrder {
  #ebuilds: readonly ReadonlySet<string>[];
  #asked = 0;
  #last = "";

  /** @param ebuilds of each, the names of the files that it needs, in the order of SRC_URI. */
  constructor(ebuilds: readonly (readonly string[])[]) {
    this.#ebuilds = ebuilds.map((names) => new Set(names));
  }

  /** Whether a file may be the next one of this client's. */
  has(name: string): boolean {
    return this.#ebuilds.some((ebuild) => ebuild.has(name));
  }

  /** Takes note that a file was asked for, one that it {@link FetchOrder.has}. */
  ask(name: string): void {
    this.#ebuilds = this.#ebuilds.filter((ebuild) => ebuild.has(name));
    if (name !== this.#last) this.#asked += 1;
    this.#last = name;
  }

  /** The files that it will ask for after the last one, whichever of the ebuilds it is; none while that is a guess. */
  *next(): Generator<string> {
    const [first, ...others] = this.#ebuilds;
    if (first === undefined || this.#asked < ASKED_BEFORE) return;
    let isPast = false;
    for (const name of first) {
      if (isPast && others.every((ebuild) => ebuild.has(name))) yield name;
      isPast ||= name === this.#last;
    }
  }
}
