import { expect, test } from "vitest";
import { ChainCookies } from "../../src/upstream/chain-cookies.ts";

const HERE = new URL("http://a.example/f");

test("what an origin set goes back to it alone", () => {
  const cookies = new ChainCookies();
  expect(cookies.fieldFor(HERE, [])).toEqual([]);
  expect(cookies.take(HERE, ["a=1; path=/; HttpOnly", " b = 2=2 "])).toBe(true);
  expect(cookies.fieldFor(HERE, [])).toEqual(["Cookie", "a=1; b=2=2"]);
  for (const other of ["https://a.example/", "http://b.example/"]) {
    expect(cookies.fieldFor(new URL(other), [])).toEqual([]);
  }
});

test("only what was not known yet is new", () => {
  const cookies = new ChainCookies();
  expect(cookies.take(HERE, "a=1")).toBe(true);
  expect(cookies.take(HERE, "a=1; secure")).toBe(false);
  expect(cookies.take(HERE, "a=2")).toBe(true);
  expect(cookies.take(HERE, ["nonsense", "=x", ""])).toBe(false);
  expect(cookies.take(HERE)).toBe(false);
});

test("a client's own cookies are left as they are", () => {
  const cookies = new ChainCookies();
  cookies.take(HERE, "a=1");
  expect(cookies.fieldFor(HERE, ["Cookie", "mine=1"])).toEqual([]);
});
