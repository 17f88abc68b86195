import { connect } from "node:net";
import { expect, test } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { hasNoWayOut } from "../../../src/core/net/no-way-out.ts";
import { foreignAddress } from "../../support/foreign-address.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

test("a box without a network is told from a server that is not there, through all that wraps the system's error", () => {
  for (const code of ["ENETUNREACH", "EHOSTUNREACH", "EAI_AGAIN"]) {
    const cause = new AggregateError([systemError("ECONNREFUSED"), systemError(code)]);
    expect(hasNoWayOut(new SourceError("REFUSED", "no connection", { cause }))).toBe(true);
  }
  for (const code of ["ECONNREFUSED", "ETIMEDOUT", "ENOTFOUND", "ECONNRESET"]) {
    expect(hasNoWayOut(new SourceError("REFUSED", "no connection", { cause: systemError(code) }))).toBe(false);
  }
  expect([undefined, "ENETUNREACH", new Error("no answer")].map(hasNoWayOut)).toEqual([false, false, false]);
});

test("what Node says of a connection from an address that this box has lost is known", async () => {
  const socket = connect({ host: "127.0.0.1", port: 9, localAddress: foreignAddress() });
  const error = await new Promise((resolve) => socket.once("error", resolve));
  expect(hasNoWayOut(error)).toBe(true);
});
