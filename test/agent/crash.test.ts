import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { agentConfig, startAgentProcess, type AgentProcess } from "../support/agent-process.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { hintAtSync, distLine, makeRepository, pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { slow, startMirror, type LoggedRequest } from "../support/zoo/zoo.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** Kills; `.ci/run` asks for 100. */
const KILLS = Number(process.env["DISTSWARM_KILLS"] ?? 15);
const SEED = Number(process.env["DISTSWARM_SEED"] ?? 1);

const CLIENTS = 6;

/** A kill amid requests comes at most this long after the agent is ready, in ms: ingests, commits, evictions. */
const LONGEST_LIFE_MS = 400;

/** A synced tree is read this long after the hint (`HINT_DELAY` in manifest/rounds.ts), in ms. */
const REFRESH_AFTER_MS = 500;

/** A kill around the refresh comes within so many ms of its beginning, or of its end. */
const REFRESH_SPREAD_MS = 60;

/** What kills in turn are aimed at. */
const AIMS = ["load", "load", "load", "refresh", "load", "load", "load", "refreshed"] as const;

const open = closeAfterEach();
const sizes = seededRandom(SEED);
const files = Array.from({ length: 24 }, (_, at) =>
  testFile(`file-${at}.tar.xz`, Math.ceil(sizes() * 3 * MIB) + at * KIB),
);

/** Lines enough that a refresh takes its time. */
const padding = Array.from({ length: 2000 }, (_, at) => distLine(testFile(`padding-${at}.tar.xz`, 8)));

/** The Manifest before and after a sync, in turn. */
const manifests = [files.map(distLine), [...files.slice(1).map(distLine), ...padding]].map((lines) =>
  lines.map((line) => `${line}\n`).join(""),
);

/** Changes the tree as a sync does. */
async function sync(repo: string, turn: number): Promise<void> {
  await writeFile(join(repo, "app-misc", "files", "Manifest"), manifests[turn % manifests.length]!);
  await hintAtSync(repo);
}

function refreshes(agent: AgentProcess): number {
  return agent.log.filter((line) => /read \d+ Manifests?;/.test(line)).length;
}

/** Every blob that a killed agent left is whole and right. */
async function expectRightBlobs(store: string): Promise<void> {
  const entries = await readdir(join(store, "blobs"), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || entry.name === "layout.conf") continue;
    expect(digestOf(await readFile(join(entry.parentPath, entry.name)))).toBe(entry.name);
  }
}

/** What a killed agent left of files that it was fetching, with the bytes that there are. */
async function leftPartials(store: string): Promise<Map<TestFile, number>> {
  const left = new Map<TestFile, number>();
  for (const name of await readdir(join(store, "partial")).catch(() => [])) {
    const file = files.find(({ digest }) => digest === name);
    expect(file).toBeDefined();
    const { size } = await stat(join(store, "partial", name));
    if (size > 0 && size < file!.bytes.length) left.set(file!, size);
  }
  return left;
}

/** Each partial whose file was asked for was gone on with at its end; returns how many there were. */
function expectResumed(partials: ReadonlyMap<TestFile, number>, requests: readonly LoggedRequest[]): number {
  let resumed = 0;
  for (const [{ name }, size] of partials) {
    const first = requests.find(({ url }) => basename(url) === name);
    if (first === undefined) continue; // killed before
    expect(`${name} ${first.headers.range}`).toBe(`${name} bytes=${size}-`);
    resumed += 1;
  }
  return resumed;
}

/** Clients ask for `urgent` files and then for any, each in an order of its own, until the agent is killed. */
async function load(agent: AgentProcess, life: { seed: number; urgent: TestFile[]; over: AbortSignal }): Promise<void> {
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const random = seededRandom(life.seed + client);
    const first = life.urgent.filter((_file, at) => at % CLIENTS === client);
    while (!life.over.aborted) {
      const file = first.shift() ?? files[Math.floor(random() * files.length)]!;
      const bytes = await get(agent, file, life.over).catch(() => undefined);
      if (bytes !== undefined) expect(digestOf(bytes)).toBe(file.digest);
    }
  });
  await Promise.all(clients);
}

async function get(agent: AgentProcess, file: TestFile, signal?: AbortSignal): Promise<Buffer> {
  const answer = await fetch(agent.url + pathByDigest(file), signal ? { signal } : {});
  if (answer.status !== 200) throw new Error(await answer.text());
  return Buffer.from(await answer.arrayBuffer());
}

/** Waits for the moment of a kill, which is what is being tested. */
async function moment(agent: AgentProcess, aim: (typeof AIMS)[number], random: () => number): Promise<void> {
  if (aim === "load") return delay(random() * LONGEST_LIFE_MS);
  const before = refreshes(agent);
  if (aim === "refresh") return delay(REFRESH_AFTER_MS + random() * REFRESH_SPREAD_MS);
  await expect.poll(() => refreshes(agent), { interval: 5 }).toBeGreaterThan(before);
  await delay(random() * REFRESH_SPREAD_MS);
}

test(
  `killed at ${KILLS} seeded moments (seed ${SEED}): only right blobs, nothing half, every partial resumed`,
  { timeout: KILLS * 5000 + 60_000 },
  async () => {
    const dir = await mkdtemp(join(tmpdir(), "distswarm-crash-"));
    open.push({ close: () => rm(dir, { recursive: true, force: true }) });
    const [repo, store] = [join(dir, "repo"), join(dir, "store")];
    await makeRepository(repo, files);
    const mirror = await startMirror(slow(8 * MIB), Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])));
    open.push(mirror);
    // room for all that is fetched at once, and for two thirds of the files, so that commits evict
    const place = { dir, config: agentConfig(dir, mirror.url, 'max_size = "24MiB"') };
    let resumed = 0;
    let syncs = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const seed = (SEED * KILLS + kill) * (CLIENTS + 1);
      const aim = AIMS[kill % AIMS.length]!;
      const partials = await leftPartials(store);
      const asked = mirror.files().length;
      const agent = await startAgentProcess(place);
      await expectRightBlobs(store);
      const over = new AbortController();
      const loaded = load(agent, { seed, urgent: [...partials.keys()], over: over.signal });
      if (aim !== "load") await sync(repo, (syncs += 1));
      await moment(agent, aim, seededRandom(seed + CLIENTS));
      await agent.end("SIGKILL");
      over.abort();
      await loaded;
      resumed += expectResumed(partials, mirror.files().slice(asked));
    }
    expect(resumed).toBeGreaterThan(KILLS / 5); // how many depends on the speed of the machine
    await sync(repo, 0);
    const agent = await startAgentProcess(place);
    open.push({ close: () => agent.end("SIGKILL") });
    await expectRightBlobs(store);
    for (const file of files) expect(digestOf(await get(agent, file))).toBe(file.digest);
    expect(await agent.end("SIGTERM")).toBe(0);
  },
);
