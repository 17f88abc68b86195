import { chmod, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { whatCalendarSays } from "../../src/core/text/clock-words.ts";
import { permits } from "../../src/doctor/reader.ts";
import { healthyBox } from "./box.ts";
import { finding, index, NOBODY_LISTENS, testBroken } from "./broken.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe("doctor finds it, and names the mend, when", () => {
  testBroken([
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
      (box) =>
        box.write("var/db/repos/gentoo/metadata/timestamp.chk", new Date(Date.now() - 20 * DAY_MS).toUTCString()),
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
      "the disk is nearly full",
      "disk room",
      async (box) => {
        const { bavail, bsize } = await statfs(box.root);
        box.config["store"] = { min_free: "9000TiB" };
        const bytes = 9000 * 2 ** 40 - bavail * bsize + 2 ** 30; // so that the store may take about 1 GiB
        box.status = { ...box.status, store: { ...box.status.store, bytes } };
      },
      finding("warn", "so the store may take", "free some of it"),
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
  ]);

  test.each([
    [-2 * DAY_MS, "2 d 0 h behind http://mirror.example"],
    [2 * DAY_MS + HOUR_MS, "2 d 1 h ahead of http://mirror.example"],
  ])("the clock is wrong by what a mirror says: %i ms", async (offset, seen) => {
    const box = await healthyBox();
    const now = Math.floor(Date.now() / 1000) * 1000; // HTTP tells whole seconds
    box.answers["http://mirror.example/distfiles/layout.conf"] = (_, response) =>
      void response.writeHead(200, { date: new Date(now).toUTCString() }).end();
    expect(await box.finding("clock", { now: now + offset })).toEqual(finding("fail", seen, "chronyd"));
  });

  test("the clock is earlier than the tree, with no mirror to ask", async () => {
    const box = await healthyBox();
    expect(await box.finding("clock", { now: Date.now() - 2 * DAY_MS, ...NOBODY_LISTENS })).toEqual(
      finding("fail", "earlier here than when the tree was made", "chronyd"),
    );
  });

  test("the clock is one by which the certificate of the only mirror does not hold", async () => {
    const box = await healthyBox();
    const refusal = `https://mirror.example: not trusted (certificate has expired; ${whatCalendarSays(Date.now())})`;
    box.answers["http://mirror.example/distfiles/layout.conf"] = (_, response) =>
      void response.writeHead(502).end(`${refusal}\n`);
    expect(await box.finding("clock")).toEqual(finding("warn", refusal, "chronyd"));
  });

  test("the keys are later than the clock", async () => {
    expect(await (await healthyBox()).finding("keyring", { now: 0 })).toEqual(
      finding("warn", "the clock of this box says 1970-01-01", "chronyd"),
    );
  });

  test("the tree is the older one of two", async () => {
    const box = await healthyBox();
    await box.write("var/db/repos/old/metadata/timestamp.chk", new Date(Date.now() - 20 * DAY_MS).toUTCString());
    index(box, { repos: ["/var/db/repos/old", "/var/db/repos/gentoo"] });
    expect(await box.finding("tree")).toEqual(finding("warn", "the oldest made 20 d 0 h ago", "emerge --sync"));
  });

  test("the keys have expired", async () => {
    expect(await (await healthyBox()).finding("keyring", { now: Date.now() + 2 * DAY_MS })).toEqual(
      finding("warn", "expired on", "sec-keys/openpgp-keys-gentoo-release"),
    );
  });
});

describe("what is well is not blamed:", () => {
  test("a clock that is that of one mirror, whatever another one says", async () => {
    const box = await healthyBox();
    const told = { "http://mirror.example": 0, "http://wrong.example": 2 * DAY_MS };
    box.config["upstream"] = { mirrors: Object.keys(told).toReversed() };
    for (const [mirror, ahead] of Object.entries(told)) {
      const date = new Date(Date.now() + ahead).toUTCString();
      box.answers[`${mirror}/distfiles/layout.conf`] = (_, response) => void response.writeHead(200, { date }).end();
    }
    expect(await box.finding("clock")).toEqual({ verdict: "ok", seen: "the time is that of http://mirror.example" });
  });

  test("a tree that does not say when it was made: nothing is said of its age", async () => {
    const box = await healthyBox();
    await box.remove("var/db/repos/gentoo/metadata/timestamp.chk");
    expect(await box.finding("tree")).toEqual({
      verdict: "ok",
      seen: expect.stringMatching(/^\d+ distfiles of \/var\/db\/repos\/gentoo$/) as string,
    });
  });

  test("a DISTDIR that is for one user alone, where that one runs the agent", async () => {
    const box = await healthyBox();
    await chmod(join(box.root, "var/cache/distfiles"), 0o700);
    await box.write("var/lib/distswarm/status.sock", ""); // its owner is that of DISTDIR
    expect((await box.finding("DISTDIR")).verdict).toBe("ok");
  });

  test("a clock that is little behind the tree, with no mirror to ask", async () => {
    const box = await healthyBox();
    const { verdict } = await box.finding("clock", { now: Date.now() - HOUR_MS - 60_000, ...NOBODY_LISTENS });
    expect(verdict).toBe("unchecked");
  });

  test("a full disk whose store holds all that it may", async () => {
    const box = await healthyBox();
    box.config["store"] = { min_free: "900000TiB", max_size: "3GiB" };
    box.status = { ...box.status, store: { ...box.status.store, bytes: 900_001 * 2 ** 40 } };
    expect((await box.finding("disk room")).verdict).toBe("ok");
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

test("whether DISTDIR can be read hangs on the groups that the agent's user is a member of", async () => {
  const box = await healthyBox();
  const distdir = join(box.root, "var/cache/distfiles");
  await chmod(distdir, 0o750);
  const { gid } = await stat(distdir);
  for (const [members, verdict] of [
    ["ann", "fail"],
    ["ann,distswarm", "ok"],
  ] as const) {
    await box.write("etc/group", `files:x:${gid}:${members}\n`);
    expect((await box.finding("DISTDIR")).verdict).toBe(verdict);
  }
});

test("what is not configured is not missed: a DISTDIR, mirrors", async () => {
  const box = await healthyBox();
  box.config["portage"] = { distdir: "" };
  box.config["upstream"] = { mirrors: [] };
  expect(await box.finding("DISTDIR")).toEqual({ verdict: "ok", seen: "none is shared" });
  expect(await box.finding("mirrors")).toMatchObject({
    verdict: "ok",
    seen: expect.stringMatching(/^none is configured/),
  });
});

test("a mirror that never answers is named as such", async () => {
  const box = await healthyBox();
  const late = new AbortController();
  box.answers["http://mirror.example/distfiles/layout.conf"] = () => late.abort();
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(late.signal);
  onTestFinished(() => void vi.restoreAllMocks());
  expect((await box.finding("mirrors")).seen).toBe("http://mirror.example: no answer within 10 s");
});
