import * as fc from "fast-check";
import { expect, test } from "vitest";
import { inOrder, type Doubts, type Place } from "../../src/upstream/source-order.ts";

function place(origin: string, ...urls: string[]): Place {
  return { origin, urls: async () => urls };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

const NO_DOUBTS: Doubts = { place: () => false, url: () => false };

async function urlsIn(places: readonly Place[], doubts: Partial<Doubts> = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const { url } of inOrder(each(places), { ...NO_DOUBTS, ...doubts })) found.push(url);
  return found;
}

test("places come in their order, each URL once", async () => {
  expect(await urlsIn([place("a", "a1", "a2"), place("b", "b1"), place("a", "a2", "a3")])).toEqual([
    "a1",
    "a2",
    "b1",
    "a3",
  ]);
});

test("a place that is being left alone comes after the others, a blamed URL last of all", async () => {
  const doubts = { place: (origin: string) => origin === "a", url: (url: string) => url === "b1" };
  expect(await urlsIn([place("a", "a1"), place("b", "b1", "b2"), place("c", "c1")], doubts)).toEqual([
    "b2",
    "c1",
    "a1",
    "b1",
  ]);
});

test("when all are being left alone, all are asked at once in their usual order", async () => {
  expect(await urlsIn([place("a", "a1"), place("b", "b1")], { place: () => true })).toEqual(["a1", "b1"]);
});

test("a place that fails while it is being asked steps back with the rest", async () => {
  const failed = new Set<string>();
  const got: string[] = [];
  const doubts = { ...NO_DOUBTS, place: (origin: string) => failed.has(origin) };
  for await (const { url, origin } of inOrder(each([place("a", "a1", "a2"), place("b", "b1")]), doubts)) {
    got.push(url);
    failed.add(origin);
  }
  expect(got).toEqual(["a1", "b1", "a2"]);
});

test("nothing is computed before its turn", async () => {
  const computed: string[] = [];
  const lazy = (origin: string): Place => ({
    origin,
    urls: async () => {
      computed.push(origin);
      return [`${origin}1`];
    },
  });
  const candidates = inOrder(each([lazy("a"), lazy("b")]), NO_DOUBTS);
  await candidates.next();
  expect(computed).toEqual(["a"]);
});

test("every URL comes exactly once, whatever is doubted", async () => {
  const letter = fc.constantFrom("a", "b", "c");
  const places = fc.array(fc.tuple(letter, fc.array(fc.nat(5))));
  await fc.assert(
    fc.asyncProperty(places, fc.array<string>(letter), fc.array(fc.nat(5)), async (given, badPlaces, badUrls) => {
      const built = given.map(([origin, urls]) => place(origin, ...urls.map(String)));
      const doubts = {
        place: (origin: string) => badPlaces.includes(origin),
        url: (url: string) => badUrls.includes(Number(url)),
      };
      const wanted = [...new Set(given.flatMap(([, urls]) => urls.map(String)))];
      expect((await urlsIn(built, doubts)).sort()).toEqual(wanted.sort());
    }),
  );
});
