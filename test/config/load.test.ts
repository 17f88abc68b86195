import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConfigFile } from "../../src/config/file.ts";
import { loadConfig } from "../../src/config/load.ts";
import { rootWith } from "../portage/tree.ts";
import { giveAway, unprivileged } from "../support/unprivileged.ts";

const USER = 1000;

const GENTOO = {
  "/usr/share/portage/config/make.globals":
    'DISTDIR="/var/cache/distfiles"\nGENTOO_MIRRORS="http://distfiles.gentoo.org"',
  "/usr/share/portage/config/repos.conf": "[gentoo]\nlocation = /var/db/repos/gentoo\n",
  "/var/db/repos/gentoo/profiles/repo_name": "gentoo\n",
};

describe("what the config file leaves out", () => {
  test("comes from Portage's own files", async () => {
    const root = await rootWith({
      ...GENTOO,
      "/etc/portage/make.conf":
        'DISTDIR=/srv/distfiles\nGENTOO_MIRRORS="http://localhost:8480 https://a.example/ ftp://c.example http://b.example"',
      "/etc/portage/repos.conf/guru.conf": "[guru]\nlocation = /var/db/repos/guru\n",
    });
    const { config, notes } = await loadConfig({ root, env: {}, uid: 0 });
    expect(config.portage).toEqual({
      distdir: "/srv/distfiles",
      repos: ["/var/db/repos/gentoo", "/var/db/repos/guru"],
    });
    expect(config.upstream.mirrors).toEqual(["https://a.example", "http://b.example"]);
    expect(notes).toEqual([
      "no config file: defaults, and what Portage's own files say",
      "ebuild repositories: /var/db/repos/gentoo",
      "no ebuild repository is seen at /var/db/repos/guru yet: it is read once it has been synced",
      "mirrors from GENTOO_MIRRORS: https://a.example, http://b.example",
      "not used, neither http nor https nor a path: ftp://c.example",
      "DISTDIR: /srv/distfiles",
      "store: /var/cache/distswarm, state: /var/lib/distswarm",
    ]);
  });

  test("what the config file says counts more than Portage's files", async () => {
    const root = await rootWith({
      ...GENTOO,
      "/etc/distswarm.toml":
        '[portage]\ndistdir = ""\n[upstream]\nmirrors = ["http://mine.example"]\n[store]\nmax_size = "1GiB"\n',
    });
    const { config, notes } = await loadConfig({ root, env: {}, uid: 0 });
    expect(config.portage).toEqual({ distdir: null, repos: ["/var/db/repos/gentoo"] });
    expect(config.upstream.mirrors).toEqual(["http://mine.example"]);
    expect(config.store).toMatchObject({ dir: "/var/cache/distswarm", max_size: 2 ** 30 });
    expect(notes).toContain(`config file: ${root}/etc/distswarm.toml`);
    expect(notes).toContain("mirrors: http://mine.example");
    expect(notes).toContain("no DISTDIR: nothing is shared from there");
  });

  test("has the lines of /etc/portage/mirrors, a file or a directory, less this agent", async () => {
    const root = await rootWith({
      ...GENTOO,
      "/etc/portage/mirrors/10-distswarm": "local http://127.0.0.1:8480/ http://cache.lan # ours first\n",
      "/etc/portage/mirrors/20-mine": "gnu\thttps://a.example/gnu\nlocal /mnt/distfiles\nkde http://localhost:8480\n",
      "/etc/portage/mirrors/20-mine~": "gnu https://old.example\n",
    });
    const { config, notes, warnings } = await loadConfig({ root, env: {}, uid: 0 });
    const lines = ["local http://cache.lan /mnt/distfiles", "gnu https://a.example/gnu"];
    expect(config.upstream.custom_mirrors).toEqual(lines);
    expect(notes).toContain(`custom mirrors: ${lines.join("; ")}`);
    expect(warnings).toEqual([]);
  });

  test("a mirror list of nothing but this agent gives way to Gentoo's own", async () => {
    const root = await rootWith({
      "/etc/distswarm.toml": '[proxy]\nlisten = ["127.0.0.1:9000"]',
      "/etc/portage/make.conf": "GENTOO_MIRRORS=http://localhost:9000",
    });
    const { config } = await loadConfig({ root, env: {}, uid: 0 });
    expect(config.upstream.mirrors).toEqual(["http://distfiles.gentoo.org"]);
  });

  test("damage in make.conf is told and stops nothing", async () => {
    const root = await rootWith({ ...GENTOO, "/etc/portage/make.conf": 'GENTOO_MIRRORS="http://a\n' });
    const { config, warnings } = await loadConfig({ root, env: {}, uid: 0 });
    expect(config.upstream.mirrors).toEqual(["http://distfiles.gentoo.org"]);
    expect(warnings).toEqual([
      `${root}/etc/portage/make.conf:1: the quote " is never closed; the rest of the file is not read`,
    ]);
  });
});

test.each([
  ["/etc/portage/make.conf", "scandir"],
  ["/etc/portage/repos.conf", "scandir"],
  ["/etc/portage/mirrors", "open"],
  ["/etc/portage/make.conf/mine", "open"],
  ["/etc/portage/repos.conf/gentoo.conf", "open"],
])("%s that the agent may not read is told", async (path, call) => {
  const root = await rootWith({
    "/etc/portage/make.conf/mine": 'DISTDIR="/srv/distfiles"\n',
    "/etc/portage/repos.conf/gentoo.conf": "[gentoo]\nlocation = /srv/gentoo\n",
    "/etc/portage/mirrors": "gnu http://a.example\n",
  });
  await giveAway(root);
  await chmod(join(root, path), 0);
  const { warnings } = await unprivileged(() => loadConfig({ root, env: { HOME: "/h" }, uid: USER }));
  await chmod(join(root, path), 0o755);
  expect(warnings).toContain(`${root}${path}: EACCES: permission denied, ${call} '${root}${path}'`);
});

test("upstream.mirrors less this agent itself, which is told", async () => {
  const root = await rootWith({
    "/etc/distswarm.toml":
      '[upstream]\nmirrors = ["http://127.0.0.1:8480/", "http://localhost:8480", "http://lan:8480"]',
  });
  const { config, warnings } = await loadConfig({ root, env: {}, uid: 0 });
  expect(config.upstream.mirrors).toEqual(["http://lan:8480"]);
  expect(warnings).toEqual(
    expect.arrayContaining(
      ["http://127.0.0.1:8480", "http://localhost:8480"].map(
        (url) => `upstream.mirrors names this agent itself, which is left out: ${url}`,
      ),
    ),
  );
});

describe("a machine that is no Gentoo, as an ordinary user", () => {
  test("gives a config that works, in the user's own directories, and says what lacks", async () => {
    const root = await rootWith({});
    const { config, notes, warnings } = await loadConfig({ root, env: { HOME: "/home/ann" }, uid: USER });
    expect(config).toMatchObject({
      state_dir: "/home/ann/.local/state/distswarm",
      store: { dir: "/home/ann/.cache/distswarm" },
      portage: { repos: [], distdir: null },
      upstream: { mirrors: ["http://distfiles.gentoo.org"] },
    });
    expect(notes).toEqual([
      "no config file: defaults, and what Portage's own files say",
      "mirrors: http://distfiles.gentoo.org",
      "no DISTDIR: nothing is shared from there",
      "store: /home/ann/.cache/distswarm, state: /home/ann/.local/state/distswarm",
    ]);
    expect(warnings).toEqual([
      "no ebuild repository: repos.conf names none that could be read, so no file can be told by its digest (a plain mirror only)",
    ]);
  });

  test("follows the XDG variables, and finds a config file of the user's own", async () => {
    const root = await rootWith({ "/own/distswarm.toml": '[log]\nlevel = "debug"' });
    const env = { HOME: "/h", XDG_STATE_HOME: "/s", XDG_CACHE_HOME: "relative", XDG_CONFIG_HOME: join(root, "own") };
    const { config } = await loadConfig({ root, env, uid: USER });
    expect(config).toMatchObject({
      state_dir: "/s/distswarm",
      store: { dir: "/h/.cache/distswarm" },
      log: { level: "debug" },
    });
  });

  test("prefers the config file of the system", async () => {
    const root = await rootWith({
      "/own/distswarm.toml": '[log]\nlevel = "debug"',
      "/etc/distswarm.toml": '[log]\nlevel = "trace"',
    });
    const { config } = await loadConfig({ root, env: { HOME: "/h", XDG_CONFIG_HOME: join(root, "own") }, uid: USER });
    expect(config.log.level).toBe("trace");
  });
});

test("who may write the system's state directory runs the installed agent", async () => {
  const root = await rootWith({ "/var/lib/distswarm/db/x": "" });
  await chmod(join(root, "var/lib/distswarm"), 0o755);
  const { config } = await loadConfig({ root, env: { HOME: "/h" }, uid: USER });
  expect(config).toMatchObject({ state_dir: "/var/lib/distswarm", store: { dir: "/var/cache/distswarm" } });
});

test.for([
  ['proxy.listen = ["127.0.0.1:8481"]', /proxy\.listen and swarm\.listen are both at port 8481/],
  ['proxy.listen = ["[::]:8481"]', /proxy\.listen and swarm\.listen are both at port 8481/],
  ['proxy.listen = ["10.0.0.9:1"]\nswarm.listen = "10.0.0.9:1"', /proxy\.listen and swarm\.listen are both at port 1/],
  [
    'upstream.proxy = "http://localhost:8480"',
    /upstream\.proxy is http:\/\/localhost:8480\/?, which is this agent itself/,
  ],
  ['state_dir = "/srv/d"\nstore.dir = "/srv/d"', /state_dir and store\.dir are both \/srv\/d/],
  [
    `state_dir = "/srv/${"d".repeat(100)}"`,
    /state_dir is 11 bytes too long \(the path of a socket in it may have 107 bytes\): name a shorter one than \/srv\/d+$/,
  ],
] as const)("options that get in each other's way, or in the system's, are named: %s", async ([text, message]) => {
  const root = await rootWith({ ...GENTOO, "/etc/distswarm.toml": text });
  await expect(loadConfig({ root, env: {}, uid: 0 })).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringMatching(message),
  });
});

test.each([
  ["any free port", 'proxy.listen = ["127.0.0.1:0"]\nswarm.listen = "127.0.0.1:0"'],
  ["one port of two addresses", 'proxy.listen = ["127.0.0.1:8481"]\nswarm.listen = "127.0.0.2:8481"'],
  ["one port, where one is of IPv6", 'proxy.listen = ["[::1]:8481"]\nswarm.listen = "0.0.0.0:8481"'],
])("addresses with %s are in nobody's way", async (_, text) => {
  const root = await rootWith({ ...GENTOO, "/etc/distswarm.toml": text });
  await expect(loadConfig({ root, env: {}, uid: 0 })).resolves.toMatchObject({ file: `${root}/etc/distswarm.toml` });
});

test("a config file that is not there, or is none, is named as that", async () => {
  const root = await rootWith({});
  await expect(readConfigFile(join(root, "absent"))).rejects.toThrow(`${root}/absent: there is no such file`);
  await expect(readConfigFile(root)).rejects.toThrow(`${root}: it cannot be read (EISDIR)`);
});

test("a config file that the agent's user may not read is named with that user and the mend", async () => {
  const root = await rootWith({ "etc/distswarm.toml": "" });
  const file = join(root, "etc/distswarm.toml");
  await chmod(root, 0o755);
  await chmod(file, 0);
  const refused = await unprivileged(() => readConfigFile(file).catch((error: unknown) => error));
  expect(refused).toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringMatching(
      /: the user \S+ may not read it: give it mode 644, or one of that user's groups and mode 640$/,
    ),
  });
});
