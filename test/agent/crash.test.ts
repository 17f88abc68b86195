import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { startAgentProcess, type AgentProcess } from "../support/agent-process.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { makeRepository, testFile, type TestFile } from "../support/repository.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { slow, startMirror } from "../support/zoo/zoo.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** Kills; `.ci/run` asks for 100. */
const KILLS = Number(process.env["DISTSWARM_KILLS"] ?? 15);
const SEED = Number(process.env["DISTSWARM_SEED"] ?? 1);

/** A kill comes this long after the agent is ready, in ms: ingest, commit, eviction and index refresh all fall within. */
const LONGEST_LIFE_MS = 400;

const open = closeAfterEach();
const random = seededRandom(SEED);
const files = Array.from({ length: 24 }, (_, at) =>
  testFile(`file-${at}.tar.xz`, Math.ceil(random() * 3 * MIB) + at * KIB),
);

/** Every blob that a killed agent left is whole and right. */
async function expectRightBlobs(store: string): Promise<void> {
  const entries = await readdir(join(store, "blobs"), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || entry.name === "layout.conf") continue;
    expect(digestOf(await readFile(join(entry.parentPath, entry.name)))).toBe(entry.name);
  }
}

/** Asks for files at random and rewrites the Manifest now and then, until the agent is killed. */
async function load(agent: AgentProcess, repo: string, until: AbortSignal): Promise<void> {
  const clients = Array.from({ length: 6 }, async () => {
    while (!until.aborted) {
      const file = files[Math.floor(random() * files.length)]!;
      const bytes = await get(agent, file, until).catch(() => undefined);
      if (bytes !== undefined) expect(digestOf(bytes)).toBe(file.digest);
      if (random() < 0.1) await makeRepository(repo, random() < 0.5 ? files : files.slice(1));
    }
  });
  await Promise.all(clients);
}

async function get(agent: AgentProcess, file: TestFile, signal?: AbortSignal): Promise<Buffer> {
  const answer = await fetch(
    `${agent.url}/distfiles/${file.digest.slice(0, 2)}/${file.digest}`,
    signal ? { signal } : {},
  );
  if (answer.status !== 200) throw new Error(await answer.text());
  return Buffer.from(await answer.arrayBuffer());
}

test(
  `killed at ${KILLS} seeded moments (seed ${SEED}): only right blobs, nothing half, partials resumed`,
  { timeout: KILLS * 5000 + 60_000 },
  async () => {
    const dir = await mkdtemp(join(tmpdir(), "distswarm-crash-"));
    open.push({ close: () => rm(dir, { recursive: true, force: true }) });
    const repo = join(dir, "repo");
    await makeRepository(repo, files);
    const mirror = await startMirror(slow(8 * MIB), Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])));
    open.push(mirror);
    const place = {
      dir,
      // room for about half of the files, so that commits evict
      config: `[proxy]\nlisten = ["127.0.0.1:0"]\n[store]\ndir = "${dir}/store"\nmax_size = "18MiB"\nmin_free = "0B"\n[portage]\nrepos = ["${repo}"]\ndistdir = ""\n[upstream]\nmirrors = ["${mirror.url}"]\n`,
    };
    for (let kill = 0; kill < KILLS; kill += 1) {
      const agent = await startAgentProcess(place);
      await expectRightBlobs(join(dir, "store"));
      const over = new AbortController();
      const loaded = load(agent, repo, over.signal);
      await delay(random() * LONGEST_LIFE_MS); // the moment of the kill is what is being tested
      await agent.end("SIGKILL");
      over.abort();
      await loaded;
    }
    await makeRepository(repo, files);
    const agent = await startAgentProcess(place);
    open.push({ close: () => agent.end("SIGKILL") });
    await expectRightBlobs(join(dir, "store"));
    for (const file of files) expect(digestOf(await get(agent, file))).toBe(file.digest);
    expect(mirror.files().some(({ headers }) => /^bytes=[1-9]/.test(headers.range ?? ""))).toBe(true);
    expect(await agent.end("SIGTERM")).toBe(0);
  },
);
