import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { DistswarmError } from "../../src/core/errors.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "distswarm-config-"));
});
afterAll(() => rm(root, { recursive: true }));

/** What loading a config file with this text says, without the name of the file. */
async function problemsOf(toml: string): Promise<string[]> {
  const file = join(root, "bad.toml");
  await writeFile(file, toml);
  const error = await loadConfig({ file, root, env: { HOME: root }, uid: 0 }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return [];
  expect(error).toBeInstanceOf(DistswarmError);
  expect(error).toMatchObject({ code: "INVALID_CONFIG" });
  return (error as DistswarmError).message.split("\n").map((line) => {
    expect(line.startsWith(`${file}: `)).toBe(true);
    return line.slice(file.length + 2);
  });
}

describe("one wrong thing in the config file", () => {
  test.for([
    [
      "an unknown key, with the key that was meant",
      '[store]\nmax_sise = "1GiB"',
      "unknown key store.max_sise; did you mean store.max_size?",
    ],
    ["a key in the wrong section", 'max_size = "1GiB"', "unknown key max_size; did you mean store.max_size?"],
    ["an unknown section", "[stroe]", "unknown key stroe; did you mean store?"],
    ["a key that is like no other", "x = 1", "unknown key x"],
    ["a key like no other", "[log]\ncolour_of_lines = 1", "unknown key log.colour_of_lines"],
    [
      "a size without a unit",
      '[store]\nmax_size = "50"',
      'store.max_size is "50"; it must be a size above 0 such as "16MiB" (units: B, KiB, MiB, GiB, TiB)',
    ],
    [
      "a number for a size",
      "[store]\nmin_free = 5",
      'store.min_free is 5; it must be a size such as "16MiB" (units: B, KiB, MiB, GiB, TiB)',
    ],
    [
      "no place for blobs at all",
      '[store]\nmax_size = "0B"',
      'store.max_size is "0B"; it must be a size above 0 such as "16MiB" (units: B, KiB, MiB, GiB, TiB)',
    ],
    [
      "nowhere to listen",
      "[proxy]\nlisten = []",
      'proxy.listen is []; it must be a list of one or more, none twice; each entry must be an IP address with a port, such as "127.0.0.1:8480" or "[::1]:8480"',
    ],
    [
      "one address to listen at twice",
      '[proxy]\nlisten = ["[::1]:8480", "[::1]:8480"]',
      'proxy.listen is ["[::1]:8480","[::1]:8480"]; it must be a list of one or more, none twice; each entry must be an IP address with a port, such as "127.0.0.1:8480" or "[::1]:8480"',
    ],
    [
      "custom mirrors without a name",
      '[upstream]\ncustom_mirrors = ["http://a.example"]',
      'upstream.custom_mirrors[0] is "http://a.example"; it must be a name and its URLs, such as "local http://mirror.lan" or "gnu https://mirror.example/gnu"',
    ],
    [
      "no time at all",
      '[upstream]\nheader_timeout = "0s"',
      'upstream.header_timeout is "0s"; it must be a duration above 0, up to 24d, such as "10s" (units: ms, s, min, h, d)',
    ],
    [
      "more time than a timer can wait",
      '[upstream]\nheader_timeout = "30d"',
      'upstream.header_timeout is "30d"; it must be a duration above 0, up to 24d, such as "10s" (units: ms, s, min, h, d)',
    ],
    [
      "a rate that is not of a second",
      '[snapshot]\nreplicate_rate = "16MiB/h"',
      'snapshot.replicate_rate is "16MiB/h"; it must be a rate above 0 such as "16MiB/s"',
    ],
    ["a relative path", 'state_dir = "here"', 'state_dir is "here"; it must be an absolute path'],
    [
      "a relative DISTDIR",
      '[portage]\ndistdir = "here"',
      'portage.distdir is "here"; it must be an absolute path, or "" for none',
    ],
    [
      "an address without a port",
      '[proxy]\nlisten = ["127.0.0.1:1", "::1"]',
      'proxy.listen[1] is "::1"; it must be an IP address with a port, such as "127.0.0.1:8480" or "[::1]:8480"',
    ],
    [
      "an address where a list belongs",
      '[proxy]\nlisten = "127.0.0.1:1"',
      'proxy.listen is "127.0.0.1:1"; it must be a list of one or more, none twice; each entry must be ' +
        'an IP address with a port, such as "127.0.0.1:8480" or "[::1]:8480"',
    ],
    [
      "a port beyond the last",
      "[proxy]\nconnect_ports = [443, 70000]",
      "proxy.connect_ports[1] is 70000; it must be a whole number from 1 to 65535",
    ],
    [
      "a subnet with too many bits",
      '[proxy]\nallow = ["10.0.0.0/33"]',
      'proxy.allow[0] is "10.0.0.0/33"; it must be a subnet such as "10.0.0.0/8" or "fd00::/8"',
    ],
    [
      "a mirror of another protocol",
      '[upstream]\nmirrors = ["rsync://mirror.example/gentoo"]',
      'upstream.mirrors[0] is "rsync://mirror.example/gentoo"; it must be an http or https URL such as ' +
        '"http://distfiles.gentoo.org", or an absolute path',
    ],
    [
      "a proxy that is no URL",
      '[upstream]\nproxy = "proxy.lan:3128"',
      'upstream.proxy is "proxy.lan:3128"; it must be a URL such as "http://proxy.lan:3128", or "" for none',
    ],
    [
      "a peer without a port",
      '[swarm]\npeers = ["box.lan"]',
      'swarm.peers[0] is "box.lan"; it must be a host with a port, such as "10.0.0.2:8481" or "box.lan:8481"',
    ],
    [
      "an id that is none",
      '[swarm]\ndeny = ["box"]',
      'swarm.deny[0] is "box"; it must be the id of a peer (64 lower-case hex characters)',
    ],
    ["a word for a boolean", '[swarm]\nmulticast = "yes"', 'swarm.multicast is "yes"; it must be true or false'],
    [
      "a level that is none",
      '[log]\nlevel = "loud"',
      'log.level is "loud"; it must be one of "error", "warn", "info", "debug", "trace"',
    ],
    ["a value for a section", "log = 3", "log is 3; it must be a section"],
    [
      "text that is no TOML",
      '[store]\nmax_size = "1GiB\n',
      "line 2, column 17: control characters are not allowed in strings",
    ],
  ] as const)("is named: %s", async ([, toml, expected]) => {
    expect(await problemsOf(toml)).toEqual([expected]);
  });
});

test("every wrong thing gets a line of its own", async () => {
  expect(await problemsOf('stat_dir = "/x"\n[store]\nmax_size = "big"\ndri = "/y"')).toEqual([
    'store.max_size is "big"; it must be a size above 0 such as "16MiB" (units: B, KiB, MiB, GiB, TiB)',
    "unknown key store.dri; did you mean store.dir?",
    "unknown key stat_dir; did you mean state_dir?",
  ]);
});

test("a config file that was asked for and is not there is an error, not a default", async () => {
  const file = join(root, "absent.toml");
  await expect(loadConfig({ file, root, env: {} })).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringContaining(file) as string,
  });
});

test("values come out in the agent's units", async () => {
  const file = join(root, "good.toml");
  await writeFile(
    file,
    `[proxy]
     listen = ["[::1]:0"]
     allow = ["10.1.2.3", "fd00::/8"]
     [store]
     max_size = "1.5GiB"
     [upstream]
     mirrors = ["https://mirror.example/gentoo/", "/mnt/mirror/", "/"]
     proxy = "http://proxy.lan:3128"
     stall_timeout = "2min"
     [swarm]
     peers = ["box.lan:8481", "[fd00::2]:8481"]`,
  );
  const { config } = await loadConfig({ file, root, env: {}, uid: 0 });
  expect(config.proxy.listen).toEqual([{ host: "::1", port: 0 }]);
  expect(config.proxy.allow).toEqual(["10.1.2.3/32", "fd00::/8"]);
  expect(config.store.max_size).toBe(1.5 * 2 ** 30);
  expect(config.upstream).toMatchObject({
    mirrors: ["https://mirror.example/gentoo", "/mnt/mirror", "/"],
    proxy: "http://proxy.lan:3128",
    stall_timeout: 120_000,
  });
  expect(config.swarm.peers).toEqual([
    { host: "box.lan", port: 8481 },
    { host: "fd00::2", port: 8481 },
  ]);
});
