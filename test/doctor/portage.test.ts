import { describe, expect, test } from "vitest";
import { healthyBox } from "./box.ts";
import { finding, testBroken } from "./broken.ts";

describe("doctor finds it, and names the mend, when", () => {
  testBroken([
    [
      "no door is open",
      "doors",
      (box) => (box.status = { ...box.status, proxy: { listen: [] } }),
      finding("fail", "no door is open", "proxy.listen"),
    ],
    [
      "nobody answers at the door",
      "doors",
      (box) => (box.status = { ...box.status, proxy: { listen: ["127.0.0.1:1"] } }),
      finding("fail", "127.0.0.1:1 does not answer", "firewall"),
    ],
    [
      "the door does not let this box in",
      "doors",
      (box) => (box.answers["/distfiles/layout.conf"] = (_, response) => void response.writeHead(403).end()),
      finding("fail", "does not let this box in", "proxy.allow"),
    ],
    [
      "another program has the port",
      "doors",
      (box) => (box.answers["/distfiles/layout.conf"] = (_, response) => void response.end("<html>hello")),
      finding("fail", "not as a door of distswarm does", "proxy.listen"),
    ],
    [
      "Portage does not point at it",
      "portage",
      async (box) => {
        await box.remove("etc/portage/mirrors");
        await box.write("etc/portage/make.conf", "");
      },
      finding("fail", "Portage does not ask this agent", "distswarm setup --write"),
    ],
    [
      "only http_proxy points at it",
      "portage",
      (box) => box.remove("etc/portage/mirrors"),
      finding("warn", "http_proxy alone: what is https", "distswarm setup --write"),
    ],
    [
      "no_proxy in make.conf takes a mirror out",
      "no_proxy",
      (box) =>
        box.write(
          "etc/portage/make.conf",
          `http_proxy="http://${box.door}"\nGENTOO_MIRRORS="http://mirror.example"\nno_proxy="localhost .example"\n`,
        ),
      finding("warn", "no_proxy takes out mirror.example", "take these hosts out of no_proxy"),
    ],
    [
      "an https mirror is asked before it",
      "https mirrors",
      async (box) => {
        await box.remove("etc/portage/mirrors");
        await box.write("etc/portage/make.conf", 'GENTOO_MIRRORS="https://fast.example http://mirror.example"\n');
      },
      finding("warn", "Portage asks https://fast.example itself", "distswarm setup --write"),
    ],
    [
      "Portage is too old to ask by digest",
      "Portage version",
      async (box) => {
        await box.remove("var/db/pkg/sys-apps");
        await box.write("var/db/pkg/sys-apps/portage-3.0.14-r1/PF", "");
      },
      finding("warn", "3.0.14-r1 asks for files by their names", "emerge --oneshot sys-apps/portage (3.0.15 or newer)"),
    ],
  ]);

  test.each(["*", "mirror.example", "*.example"])(
    "no_proxy in the environment takes a mirror out: %s",
    async (entry) => {
      expect(await (await healthyBox()).finding("no_proxy", { env: { no_proxy: entry } })).toEqual(
        finding("warn", "no_proxy takes out mirror.example", "in the environment"),
      );
    },
  );
});

describe("what is well is not blamed:", () => {
  test("an agent that is asked by GENTOO_MIRRORS alone", async () => {
    const box = await healthyBox();
    await box.remove("etc/portage/mirrors");
    await box.write("etc/portage/make.conf", `GENTOO_MIRRORS="http://${box.door}"\n`);
    expect((await box.finding("portage")).verdict).toBe("ok");
  });

  test("an https mirror, where the agent is a local one: that is asked before all others", async () => {
    const box = await healthyBox();
    await box.write("etc/portage/make.conf", 'GENTOO_MIRRORS="https://fast.example"\n');
    expect((await box.finding("https mirrors")).verdict).toBe("ok");
  });

  test("a mirror whose name only ends as an entry of no_proxy does", async () => {
    const { verdict } = await (await healthyBox()).finding("no_proxy", { env: { no_proxy: "ror.example" } });
    expect(verdict).toBe("ok");
  });
});

test.each([
  ["2.3.99", "warn"],
  ["3.0.9", "warn"],
  ["3.0.15", "ok"],
  ["3.1", "ok"],
  ["4.0.1_rc2", "ok"],
])("whether Portage %s asks by digest: %s", async (version, verdict) => {
  const box = await healthyBox();
  await box.remove("var/db/pkg/sys-apps");
  await box.write(`var/db/pkg/sys-apps/portage-${version}/PF`, "");
  expect((await box.finding("Portage version")).verdict).toBe(verdict);
});

test("an https mirror that stands behind the agent is not asked before it", async () => {
  const box = await healthyBox();
  await box.write("etc/portage/mirrors", "");
  await box.write("etc/portage/make.conf", `GENTOO_MIRRORS="http://${box.door} https://a.example"\n`);
  expect((await box.finding("https mirrors")).verdict).toBe("ok");
  await box.write("etc/portage/make.conf", `GENTOO_MIRRORS="https://b.example http://${box.door} https://a.example"\n`);
  expect(await box.finding("https mirrors")).toEqual(finding("warn", "Portage asks https://b.example itself", "setup"));
});
