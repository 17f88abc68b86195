import { expect, test } from "vitest";
import { endToEnd } from "../../src/proxy/end-to-end.ts";

test("fields of one connection are not sent on, nor are those that Connection names", () => {
  const sent = [
    "Host",
    "a",
    "Connection",
    "keep-alive, X-Mine",
    "X-Mine",
    "1",
    "Proxy-Connection",
    "Keep-Alive",
    "Keep-Alive",
    "timeout=5",
    "Proxy-Authorization",
    "Basic eDp5",
    "Proxy-Authenticate",
    "Basic",
    "TE",
    "trailers",
    "Trailer",
    "Expires",
    "Transfer-Encoding",
    "chunked",
    "Upgrade",
    "h2c",
    "Accept",
    "*/*",
  ];
  expect(endToEnd(sent)).toEqual(["Host", "a", "Accept", "*/*"]);
  expect(endToEnd(sent, ["host"])).toEqual(["Accept", "*/*"]);
});
