/**
 * The real thing, end to end: real Manifest lines (www-apps/invidious of the GURU overlay), the real distfiles for them (npm
 * tarballs, byte for byte), a real nginx as the mirror, the agent in a process of its own, and a real wget with the options
 * of Portage's FETCHCOMMAND and RESUMECOMMAND, through both doors.
 *
 * Needs wget, nginx (Debian: nginx) and once the npm registry; says so and is skipped where one is missing.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { agentConfig, startAgentProcess, type AgentProcess } from "../support/agent-process.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { hasProgram, startNginxMirror, type NginxMirror } from "../support/nginx.ts";
import { pathByDigest } from "../support/repository.ts";
import { FETCH, RESUME, wget } from "../support/wget.ts";
import { named } from "../support/skipped.ts";

const MANIFEST = fileURLToPath(new URL("fixtures/invidious.Manifest", import.meta.url));
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/distswarm-test", import.meta.url));
const PACKAGES = [
  "video.js@7.12.1",
  "videojs-share@3.2.1",
  "videojs-overlay@2.1.4",
  "videojs-contrib-quality-levels@2.1.0",
];
const NAMES = PACKAGES.map((spec) => `${spec.replace("@", "-")}.tgz`);

/** The tarballs as the npm registry gives them, kept between runs; the Manifest's digests check them. */
async function realDistfiles(): Promise<string[] | undefined> {
  await mkdir(CACHE, { recursive: true });
  const files = NAMES.map((name) => join(CACHE, name));
  const present = await Promise.all(
    files.map((file) =>
      stat(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  const missing = PACKAGES.filter((_, at) => !present[at]);
  if (missing.length === 0) return files;
  const pack = promisify(execFile)("npm", ["pack", "--silent", "--pack-destination", CACHE, ...missing], {
    timeout: 60_000,
  });
  return pack.then(
    () => files,
    () => undefined,
  );
}

const missing = (
  await Promise.all(["wget", "nginx"].map(async (name) => ((await hasProgram(name)) ? [] : [name])))
).flat();
const distfiles = missing.length === 0 ? await realDistfiles() : undefined;
const reason =
  missing.length > 0 ? `needs ${missing.join(" and ")}` : distfiles === undefined ? "needs the npm registry" : "";
const lines = (await readFile(MANIFEST, "utf8")).split("\n");
const digests = new Map(lines.map((line) => [line.split(" ")[1] ?? "", line.split(" ")[4] ?? ""]));

const open = closeAfterEach();

interface Place {
  readonly dir: string;
  readonly mirror: NginxMirror;
  agent: AgentProcess;
  start(): Promise<void>;
}

async function setUp(options: { limitRate?: number } = {}): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-real-"));
  open.push({ close: () => rm(dir, { recursive: true, force: true }) });
  const repo = join(dir, "repo", "www-apps", "invidious");
  await mkdir(repo, { recursive: true });
  await copyFile(MANIFEST, join(repo, "Manifest"));
  await mkdir(join(dir, "out"));
  const mirror = await startNginxMirror(dir, distfiles!, options);
  open.push(mirror);
  const config = agentConfig(dir, mirror.url);
  const start = async (): Promise<void> => {
    place.agent = await startAgentProcess({ dir, config });
  };
  const place = { dir, mirror, start } as Place;
  await start();
  open.push({ close: () => place.agent.end("SIGKILL") });
  return place;
}

/** How Portage asks for a file by each door: the URL, and the proxy that the environment names. */
const doors = {
  "the forward proxy": (place: Place, name: string) => ({
    url: `${place.mirror.url}/distfiles/${name}`,
    proxy: place.agent.url,
  }),
  "the mirror door by digest": (place: Place, name: string) => {
    const digest = digests.get(name)!;
    return { url: place.agent.url + pathByDigest({ digest }) };
  },
};

async function fetchRight(place: Place, door: keyof typeof doors, name: string, command = FETCH): Promise<void> {
  const to = join(place.dir, "out", `${name}.__download__`);
  const { url, ...options } = doors[door](place, name);
  const { code, output } = await wget(command, url, { to, ...options });
  expect(code, output).toBe(0);
  expect(digestOf(await readFile(to))).toBe(digests.get(name));
}

describe.skipIf(reason !== "")(named("real Manifests, distfiles, nginx and wget", reason || undefined), () => {
  describe.each(Object.keys(doors) as (keyof typeof doors)[])("through %s", (door) => {
    test("cold, then warm with upstream gone: right both times, each file fetched once", async () => {
      const place = await setUp();
      for (const name of NAMES) await fetchRight(place, door, name);
      const requests = await place.mirror.requests();
      expect(requests.filter((line) => line.startsWith("GET") && line.includes(" 200 "))).toHaveLength(NAMES.length);
      await place.mirror.close();
      for (const name of NAMES) await fetchRight(place, door, name);
    });

    test("resumed at 400,000 bytes", async () => {
      const place = await setUp();
      const [name] = NAMES;
      const whole = await readFile(distfiles![0]!);
      await writeFile(join(place.dir, "out", `${name}.__download__`), whole.subarray(0, 400_000));
      await fetchRight(place, door, name!, RESUME);
    });

    test("with the agent killed in the middle and started again: the download goes on from where it was", async () => {
      const place = await setUp({ limitRate: 1_000_000 });
      const [name] = NAMES;
      const { url, ...options } = doors[door](place, name!);
      const to = join(place.dir, "out", `${name}.__download__`);
      const first = wget(["-t", "1", ...FETCH.slice(2)], url, { to, ...options });
      await expect
        .poll(async () => (await place.agent.client.status()).transfers[0]?.received ?? 0, { timeout: 10_000 })
        .toBeGreaterThan(500_000);
      await place.agent.end("SIGKILL");
      expect((await first).code).not.toBe(0);
      await place.start();
      await fetchRight(place, door, name!, RESUME);
      expect((await place.mirror.requests()).at(-1)).toMatch(/ 206 bytes=[1-9]\d{4,}-$/);
    });
  });
});
