import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DistswarmError } from "../../src/core/errors.ts";
import type { PeerStatus } from "../../src/core/swarm-status.ts";
import { CHECKS } from "../../src/doctor/doctor.ts";
import { permits } from "../../src/doctor/reader.ts";
import { healthyBox, type TestBox } from "./box.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOBODY_LISTENS = { agent: { error: new DistswarmError("AGENT_NOT_RUNNING", "no agent is running") } };

/** A finding that asks for something, with a piece of what was seen and of the mend. */
const finding = (verdict: "warn" | "fail", seen: string, mend: string) => ({
  verdict,
  seen: expect.stringContaining(seen) as string,
  mend: expect.stringContaining(mend) as string,
});

test("on a healthy box every check is well", async () => {
  const reports = await (await healthyBox()).examine();
  expect(reports.filter(({ verdict }) => verdict !== "ok")).toEqual([]);
  expect(reports).toHaveLength(CHECKS.length);
});

/** What is broken; which check finds it; what it says. */
type Broken = readonly [
  what: string,
  check: string,
  breakIt: (box: TestBox) => unknown,
  found: ReturnType<typeof finding>,
];

const peer = (box: TestBox, change: Partial<PeerStatus>) => {
  box.status = { ...box.status, swarm: { peers: [{ ...box.status.swarm.peers[0]!, ...change }] } };
};
const index = (box: TestBox, change: object) =>
  (box.status = { ...box.status, index: { ...box.status.index, ...change } });
const swarm = (box: TestBox, extra: object) =>
  (box.status = { ...box.status, swarm: { ...box.status.swarm, ...extra } });

const BROKEN: readonly Broken[] = [
  [
    "the agent is another version than the installed one",
    "agent",
    (box) => (box.status = { ...box.status, version: "0.0.1" }),
    finding("warn", "version 0.0.1, up 2 h 5 min, but version", "restart"),
  ],
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
  [
    "there is no tree",
    "tree",
    (box) => index(box, { repos: [] }),
    finding("fail", "no ebuild repository is known", "repos.conf"),
  ],
  [
    "the tree has no Manifests",
    "tree",
    (box) => index(box, { distfiles: 0 }),
    finding("fail", "no distfile is named in /var/db/repos/gentoo", "emerge --sync"),
  ],
  [
    "the index is not ready",
    "tree",
    (box) => index(box, { ready: false }),
    finding("warn", "the Manifests are still being read", "ask again"),
  ],
  [
    "the tree is old",
    "tree",
    (box) => box.write("var/db/repos/gentoo/metadata/timestamp.chk", new Date(Date.now() - 20 * DAY_MS).toUTCString()),
    finding("warn", "the oldest made 20 d 0 h ago", "emerge --sync"),
  ],
  [
    "there is no keyring",
    "keyring",
    (box) => box.remove("usr/share/openpgp-keys/gentoo-release.asc"),
    finding("warn", "there is no keyring", "sec-keys/openpgp-keys-gentoo-release"),
  ],
  [
    "DISTDIR is not there",
    "DISTDIR",
    (box) => box.remove("var/cache/distfiles"),
    finding("warn", "/var/cache/distfiles is not there", "DISTDIR"),
  ],
  [
    "DISTDIR may not be read",
    "DISTDIR",
    (box) => chmod(join(box.root, "var/cache/distfiles"), 0o700),
    finding("fail", "may not read /var/cache/distfiles", "usermod --append --groups portage distswarm"),
  ],
  [
    "a directory above DISTDIR may not be entered",
    "DISTDIR",
    (box) => chmod(join(box.root, "var/cache"), 0o700),
    finding("fail", "may not read /var/cache", "usermod"),
  ],
  [
    "the disk is full",
    "disk room",
    (box) => {
      box.config["store"] = { min_free: "900000TiB" };
      box.status = { ...box.status, store: { ...box.status.store, bytes: 0 } };
    },
    finding("fail", "the store may take 0 B in all", "lower store.min_free"),
  ],
  [
    "the store cannot be written",
    "disk room",
    (box) => {
      const problem = "cannot write /s/blobs (EROFS): its file system is read-only, remount it";
      box.status = { ...box.status, store: { ...box.status.store, problem } };
    },
    finding("fail", "cannot write /s/blobs (EROFS)", "its file system is read-only, remount it"),
  ],
  [
    "the mirror does not answer",
    "mirrors",
    (box) =>
      (box.answers["http://mirror.example/distfiles/layout.conf"] = (_, response) =>
        void response.writeHead(502).end("mirror.example: no connection\n")),
    finding("fail", "http://mirror.example: mirror.example: no connection", "upstream.proxy"),
  ],
  [
    "one of two mirrors does not answer",
    "mirrors",
    (box) => (box.config["upstream"] = { mirrors: ["http://mirror.example", "/mnt/no-such-mirror"] }),
    finding("warn", "/mnt/no-such-mirror: there is no such directory", "GENTOO_MIRRORS"),
  ],
  [
    "a peer cannot reach our port",
    "ports",
    (box) => swarm(box, { port: { open: ["h3"], closed: ["h2"] } }),
    finding("fail", "h2 cannot reach TCP port 8481 of this box", "open 8481/tcp and 8481/udp"),
  ],
  [
    "multicast does not pass",
    "multicast",
    (box) => peer(box, { found: "static" }),
    finding("warn", "no peer was heard by multicast", "open 5353/udp"),
  ],
  [
    "a peer's port is closed",
    "peers",
    (box) => peer(box, { problem: "TCP port 8481 is closed: open it in the firewall of h2" }),
    finding("warn", "h2: TCP port 8481 is closed", "distswarm doctor on h2"),
  ],
  [
    "a peer runs another version",
    "peers",
    (box) => peer(box, { version: "9.9.9" }),
    finding("warn", "h2 runs 9.9.9", "upgrade"),
  ],
  [
    "a box of swarm.peers is not reached",
    "peers",
    (box) => swarm(box, { static: [{ address: "nas:8481", problem: "TCP nas:8481: getaddrinfo ENOTFOUND nas" }] }),
    finding("warn", "nas:8481 of swarm.peers: TCP nas:8481: getaddrinfo ENOTFOUND nas", "distswarm join"),
  ],
  [
    "this box has no address on a LAN",
    "peers",
    (box) => swarm(box, { peers: [], addresses: [], unoffered: "this box has no IPv4 address" }),
    finding("warn", "no other box is looked for: this box has no IPv4 address", "swarm.networks"),
  ],
  [
    "this box has an old network key",
    "peers",
    (box) =>
      swarm(box, { peers: [], last_rejected: { wrong_proof: { at: new Date().toISOString(), address: "10.0.0.2" } } }),
    finding("warn", "a box at 10.0.0.2 has another network key", "distswarm join"),
  ],
  [
    "the swarm listens where no other box is",
    "ports",
    (box) => (box.config["swarm"] = { listen: "127.0.0.1:8481" }),
    finding("warn", "no other box can reach that", "0.0.0.0:8481"),
  ],
  [
    "there is no swarm",
    "peers",
    (box) => swarm(box, { problem: "no network" }),
    finding("warn", "there is no swarm: no network", "log"),
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
];

describe("doctor finds it, and names the mend, when", () => {
  test.for(BROKEN)("%s (%s)", async ([, check, breakIt, found]) => {
    const box = await healthyBox();
    await breakIt(box);
    expect(await box.finding(check)).toEqual(found);
  });

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

  test("no_proxy in the environment takes a mirror out", async () => {
    expect(await (await healthyBox()).finding("no_proxy", { env: { no_proxy: "*" } })).toEqual(
      finding("warn", "no_proxy takes out mirror.example", "in the environment"),
    );
  });

  test("the clock is wrong by what a mirror says", async () => {
    const box = await healthyBox();
    expect(await box.finding("clock", { now: Date.now() - 2 * DAY_MS })).toEqual(
      finding("fail", "behind http://mirror.example", "chronyd"),
    );
  });

  test("the clock is earlier than the tree, with no mirror to ask", async () => {
    const box = await healthyBox();
    expect(await box.finding("clock", { now: Date.now() - 2 * DAY_MS, ...NOBODY_LISTENS })).toEqual(
      finding("fail", "earlier here than when the tree was made", "chronyd"),
    );
  });

  test("the tree is the older one of two", async () => {
    const box = await healthyBox();
    await box.write("var/db/repos/old/metadata/timestamp.chk", new Date(Date.now() - 20 * DAY_MS).toUTCString());
    index(box, { repos: ["/var/db/repos/old", "/var/db/repos/gentoo"] });
    expect(await box.finding("tree")).toEqual(finding("warn", "the oldest made 20 d 0 h ago", "emerge --sync"));
  });

  test("a box of swarm.peers is not reached, and whoever comes has another network key", async () => {
    const box = await healthyBox();
    const lost = { address: "nas:8481", problem: "no answer" };
    const last = { wrong_proof: { at: new Date().toISOString(), address: "10.0.0.2" } };
    swarm(box, { peers: [], static: [lost], last_rejected: last });
    expect(await box.finding("peers")).toEqual(finding("warn", "nas:8481 of swarm.peers: no answer", "distswarm join"));
  });

  test("the keys have expired", async () => {
    expect(await (await healthyBox()).finding("keyring", { now: Date.now() + 2 * DAY_MS })).toEqual(
      finding("warn", "expired on", "sec-keys/openpgp-keys-gentoo-release"),
    );
  });

  test("the native parts do not load on this platform", async () => {
    const loadSwarm = () => Promise.reject(new Error("No addon for linux-riscv64"));
    expect(await (await healthyBox()).finding("native parts", { loadSwarm })).toEqual(
      finding("warn", "do not load on linux", "glibc"),
    );
  });
});

describe("what is well is not blamed:", () => {
  test("a clock that is little behind the tree, with no mirror to ask", async () => {
    const box = await healthyBox();
    const { verdict } = await box.finding("clock", { now: Date.now() - HOUR_MS - 60_000, ...NOBODY_LISTENS });
    expect(verdict).toBe("unchecked");
  });

  test("a box with another network key that came hours ago: it may have been mended since", async () => {
    const box = await healthyBox();
    const at = new Date(Date.now() - 2 * HOUR_MS).toISOString();
    swarm(box, { peers: [], last_rejected: { wrong_proof: { at, address: "10.0.0.2" } } });
    expect((await box.finding("peers")).verdict).toBe("unchecked");
  });

  test("a full disk whose store holds all that it may", async () => {
    const box = await healthyBox();
    box.config["store"] = { min_free: "900000TiB", max_size: "3GiB" };
    box.status = { ...box.status, store: { ...box.status.store, bytes: 900_001 * 2 ** 40 } };
    expect((await box.finding("disk room")).verdict).toBe("ok");
  });

  test("a mirror whose name only ends as an entry of no_proxy does", async () => {
    const { verdict } = await (await healthyBox()).finding("no_proxy", { env: { no_proxy: "ror.example" } });
    expect(verdict).toBe("ok");
  });
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

test("an overlay without md5-cache is named, with what that means; one with it is not", async () => {
  const box = await healthyBox();
  await box.write("var/db/repos/gentoo/metadata/md5-cache/app-misc/x-1", "");
  index(box, { repos: ["/var/db/repos/gentoo", "/var/db/repos/guru"] });
  expect(await box.finding("SRC_URI")).toEqual({
    verdict: "ok",
    seen: expect.stringMatching(
      /^not known of \/var\/db\/repos\/guru \(no metadata\/md5-cache\): .* mirrors/,
    ) as string,
  });
  index(box, { repos: ["/var/db/repos/gentoo"] });
  expect(await box.finding("SRC_URI")).toMatchObject({ seen: expect.stringMatching(/^known of every/) as string });
});

test("an https mirror that stands behind the agent is not asked before it", async () => {
  const box = await healthyBox();
  await box.write("etc/portage/mirrors", "");
  await box.write("etc/portage/make.conf", `GENTOO_MIRRORS="http://${box.door} https://a.example"\n`);
  expect((await box.finding("https mirrors")).verdict).toBe("ok");
  await box.write("etc/portage/make.conf", `GENTOO_MIRRORS="https://b.example http://${box.door} https://a.example"\n`);
  expect(await box.finding("https mirrors")).toEqual(finding("warn", "Portage asks https://b.example itself", "setup"));
});

test("without any repository, SRC_URI is not checked", async () => {
  const box = await healthyBox();
  index(box, { repos: [] });
  expect((await box.finding("SRC_URI")).verdict).toBe("unchecked");
});

test("a look at a mirror brings no bytes, which would count as passed through", async () => {
  const box = await healthyBox();
  const methods: (string | undefined)[] = [];
  box.answers["http://mirror.example/distfiles/layout.conf"] = ({ method }, response) => {
    methods.push(method);
    response.end();
  };
  expect(await box.finding("mirrors")).toMatchObject({ verdict: "ok" });
  expect(methods).toEqual(["HEAD"]);
});

test("a mirror that answers nothing does not hold up the others", async () => {
  const box = await healthyBox();
  box.answers["http://mirror.example/distfiles/layout.conf"] = ({ socket }) => void socket.destroy();
  expect(await box.finding("mirrors")).toMatchObject({ verdict: "fail" });
});

test("DISTDIR of the group portage is readable for its members", async () => {
  const reader = { uid: 994, gids: [994, 250] };
  expect(permits({ uid: 250, gid: 250, mode: 0o40770 }, reader, 5)).toBe(true);
  expect(permits({ uid: 250, gid: 250, mode: 0o40770 }, { uid: 994, gids: [994] }, 5)).toBe(false);
  expect(permits({ uid: 994, gid: 250, mode: 0o40070 }, reader, 5)).toBe(false);
  expect(permits({ uid: 250, gid: 250, mode: 0o40700 }, { uid: 0, gids: [] }, 5)).toBe(true);
});
