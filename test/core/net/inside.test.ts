import type { LookupAddress, LookupOptions } from "node:dns";
import { expect, test } from "vitest";
import { outsideOnly } from "../../../src/core/net/inside.ts";

const INSIDE = [
  { address: "127.0.0.1", family: 4 },
  { address: "169.254.169.254", family: 4 },
  { address: "fe80::1", family: 6 },
];
const OUTSIDE = { address: "192.0.2.7", family: 4 };

/** What is found outside of a name that has these addresses. */
async function found(addresses: LookupAddress[], options: LookupOptions): Promise<unknown[]> {
  const lookup = outsideOnly((_host, _options, done) => done(null, addresses));
  return new Promise((resolve) => lookup("mirror.example", options, (...answer: unknown[]) => resolve(answer)));
}

test("of a name that leads outside and to what is for this box alone, only what is outside is found", async () => {
  expect(await found([...INSIDE, OUTSIDE], { all: true })).toEqual([null, [OUTSIDE]]);
  expect(await found([...INSIDE, OUTSIDE], {})).toEqual([null, OUTSIDE.address, OUTSIDE.family]);
});

test("of a name that leads nowhere else nothing is, with the reason", async () => {
  const [error] = await found(INSIDE, { all: true });
  expect(error).toMatchObject({ message: "mirror.example is for this box alone, and not reached for others" });
});
