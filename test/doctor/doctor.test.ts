import { describe, expect, test } from "vitest";
import { DistswarmError } from "../../src/core/errors.ts";
import type { Context } from "../../src/doctor/context.ts";
import { ok } from "../../src/doctor/check.ts";
import { CHECKS, examine } from "../../src/doctor/doctor.ts";
import { healthyBox } from "./box.ts";
import { finding, NOBODY_LISTENS, testBroken } from "./broken.ts";

test("on a healthy box every check is well", async () => {
  const reports = await (await healthyBox()).examine();
  expect(reports.filter(({ verdict }) => verdict !== "ok")).toEqual([]);
  expect(reports).toHaveLength(CHECKS.length);
});

describe("doctor finds it, and names the mend, when", () => {
  testBroken([
    [
      "the agent is another version than the installed one",
      "agent",
      (box) => (box.status = { ...box.status, version: "0.0.1" }),
      finding("warn", "version 0.0.1, up 2 h 5 min, but version", "restart"),
    ],
    [
      "the agent warns of what no other check looks at",
      "warnings",
      (box) => {
        const keyring = "/usr/share/openpgp-keys/gentoo-release.asc: there is no keyring";
        box.status = { ...box.status, warnings: [keyring, "cannot read all of the repository /home/me/overlay", "b"] };
      },
      finding("warn", "cannot read all of the repository /home/me/overlay; and 1 more", "distswarm status"),
    ],
  ]);

  test("the agent is not running, whatever of the box can be seen without it", async () => {
    const box = await healthyBox();
    const reports = await box.examine(NOBODY_LISTENS);
    expect(reports[0]).toEqual({
      name: "agent",
      ...finding("fail", "no agent is running", "rc-service distswarm start"),
    });
    const rest = Object.fromEntries(reports.map(({ name, verdict }) => [name, verdict]));
    expect(rest).toMatchObject({ portage: "ok", keyring: "ok", DISTDIR: "ok", doors: "unchecked", tree: "unchecked" });
  });

  test("the agent hangs", async () => {
    const error = new DistswarmError("AGENT_NOT_RUNNING", "the agent hangs", { facts: { hangs: true } });
    expect(await (await healthyBox()).finding("agent", { agent: { error } })).toEqual(
      finding("fail", "the agent hangs", "distswarm restart"),
    );
  });

  test("its status is not for this user", async () => {
    const error = new DistswarmError("NOT_PERMITTED", "status.sock is not for you");
    expect(await (await healthyBox()).finding("agent", { agent: { error } })).toEqual(
      finding("fail", "status.sock is not for you", "as root"),
    );
  });

  test("the native parts do not load on this platform", async () => {
    const loadSwarm = () => Promise.reject(new Error("No addon for linux-riscv64"));
    expect(await (await healthyBox()).finding("native parts", { loadSwarm })).toEqual(
      finding("warn", "do not load on linux", "glibc"),
    );
  });
});

test("a file system that hangs is named by the check that looks at it, and the others are made", async () => {
  const hung = { name: "DISTDIR", run: () => new Promise<never>(() => {}) };
  const well = { name: "agent", run: async () => ok("version 1") };
  expect(await examine({} as Context, [well, hung], 5)).toEqual([
    { name: "agent", verdict: "ok", seen: "version 1" },
    {
      name: "DISTDIR",
      ...finding("fail", "a file system that is looked at hangs, as NFS whose server is off", "umount"),
    },
  ]);
});

describe("what cannot be told is not claimed", () => {
  test("without peers: ports, multicast, versions", async () => {
    const box = await healthyBox();
    box.status = { ...box.status, swarm: { peers: [] }, uploaded: { requests: 0, bytes: 0 } };
    for (const name of ["ports", "multicast", "peers"]) {
      expect(await box.finding(name)).toEqual({
        verdict: "unchecked",
        seen: expect.stringMatching(/^not checked: there is no peer/) as string,
      });
    }
  });

  test("on a box without Portage, service user, store and an open door", async () => {
    const box = await healthyBox();
    for (const path of ["var/db/pkg", "etc/passwd", "var/cache/distswarm"]) await box.remove(path);
    box.status = { ...box.status, proxy: { listen: [] } };
    expect((await box.finding("mirrors")).verdict).toBe("unchecked");
    for (const name of ["Portage version", "DISTDIR", "disk room"]) {
      expect((await box.finding(name)).verdict).toBe("unchecked");
    }
  });
});
