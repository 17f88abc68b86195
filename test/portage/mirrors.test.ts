import { describe, expect, test } from "vitest";
import { isOurselves, readMirrors } from "../../src/portage/mirrors.ts";

const own = { listen: [{ host: "127.0.0.1", port: 8480 }], names: ["box", "10.0.0.5"] };

describe("a mirror that leads back to this agent", () => {
  test.for([
    "http://127.0.0.1:8480",
    "http://127.0.0.1:8480/gentoo/",
    "http://localhost:8480",
    "http://LOCALHOST:8480",
    "http://localhost.:8480",
    "http://ip6-loopback:8480",
    "http://gentoo.localhost:8480",
    "http://0.0.0.0:8480",
    "http://[::1]:8480",
    "http://[::ffff:127.0.0.1]:8480",
    "http://127.1:8480",
    "http://box:8480",
    "http://10.0.0.5:8480",
  ])("%s is known", (url) => {
    expect(isOurselves(new URL(url), own)).toBe(true);
  });

  test.for(["http://127.0.0.1:8080", "http://localhost", "http://10.0.0.6:8480", "http://mirror.example:8480"])(
    "%s is another",
    (url) => {
      expect(isOurselves(new URL(url), own)).toBe(false);
    },
  );

  test("on port 80 it needs no port in the URL", () => {
    expect(isOurselves(new URL("http://localhost/"), { listen: [{ host: "::1", port: 80 }], names: [] })).toBe(true);
  });
});

test("GENTOO_MIRRORS keeps its order, without ourselves, doubles, and what the agent does not speak", () => {
  const words = `
    http://127.0.0.1:8480 https://a.example/gentoo/   ftp://b.example rsync://c.example/gentoo
    http://d.example https://a.example/gentoo /mnt/mirror/ file:///mnt/other nonsense`;
  expect(readMirrors(words, own)).toEqual({
    usable: ["https://a.example/gentoo", "http://d.example", "/mnt/mirror", "/mnt/other"],
    unusable: ["ftp://b.example", "rsync://c.example/gentoo", "nonsense"],
  });
});
