import { expect, test } from "vitest";
import { AllowList } from "../../src/proxy/allow-list.ts";

test("addresses are held against ranges of either family, IPv4 mapped into IPv6 included", () => {
  const list = new AllowList(["127.0.0.0/8", "::1/128", "10.13.18.101"]);
  expect(list.includes("127.1.2.3")).toBe(true);
  expect(list.includes("::ffff:127.0.0.1")).toBe(true);
  expect(list.includes("::1")).toBe(true);
  expect(list.includes("10.13.18.101")).toBe(true);
  expect(list.includes("10.13.18.102")).toBe(false);
  expect(list.includes("::2")).toBe(false);
  expect(list.includes(undefined)).toBe(false);
});

test("a range that is none is named", () => {
  expect(() => new AllowList(["10.13.18.0/24", "lan"])).toThrow(/proxy\.allow: lan/);
});
