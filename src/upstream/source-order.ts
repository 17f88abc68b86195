/** Where a blob may be had: one server (or directory) and the URLs to ask it for, computed when they are asked for. */
export interface Place {
  /** What {@link Health} knows it by. */
  readonly origin: string;
  urls(): Promise<readonly string[]>;
}

/** What is to be asked last. */
export interface Doubts {
  /** Whether the whole place is being left alone. */
  place(origin: string): boolean;
  /** Whether this URL sent wrong bytes. */
  url(url: string): boolean;
}

/** One URL to ask, and the place that it belongs to. */
export interface Candidate {
  readonly origin: string;
  readonly url: string;
}

/**
 * The URLs to ask, best first, each once: the places in their order, then those that are being left alone, then the
 * URLs blamed for wrong bytes. So when every place is being left alone, which is what a broken line of our own looks
 * like, all are asked at once in their usual order. Nothing of a place is computed before its turn, and a place that
 * fails while it is being asked steps back with what it has left.
 */
export async function* inOrder(
  places: AsyncIterable<Place> | Iterable<Place>,
  doubts: Doubts,
): AsyncGenerator<Candidate> {
  const seen = new Set<string>();
  const later: Place[] = [];
  const last: Candidate[] = [];

  async function* ask({ origin, urls }: Place, isLast: boolean): AsyncGenerator<Candidate> {
    for (const url of await urls()) {
      if (seen.has(url)) continue;
      if (!isLast && doubts.place(origin)) {
        later.push({ origin, urls });
        return;
      }
      seen.add(url);
      if (doubts.url(url)) last.push({ origin, url });
      else yield { origin, url };
    }
  }

  for await (const place of places) {
    if (doubts.place(place.origin)) later.push(place);
    else yield* ask(place, false);
  }
  for (const place of later) yield* ask(place, true);
  yield* last;
}
