import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, statfs, truncate, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startAgent } from "../../src/agent.ts";
import { openDatabase } from "../../src/core/database.ts";
import { digestOf } from "../../src/core/digest.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { agentConfig, startAgentProcess } from "../support/agent-process.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { flipBit } from "../support/flip-bit.ts";
import { makeRepository, pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { slow, startMirror, well, type Behaviour, type MockMirror } from "../support/zoo/zoo.ts";
import { named } from "../support/skipped.ts";

const MIB = 2 ** 20;
const small = testFile("small-1.0.tar.xz", 3 * MIB);
const large = testFile("large-1.0.tar.xz", 24 * MIB);
const isRoot = process.getuid?.() === 0;

const open = closeAfterEach();

async function setUp(behaviour: Behaviour = well): Promise<{ box: Box; mirror: MockMirror }> {
  const files = { [small.name]: small.bytes, [large.name]: large.bytes };
  const mirror = await startMirror(behaviour, files, { layout: "filename-hash" });
  const box = await startBox({ files: [small, large], mirrors: [mirror.url] });
  open.push(mirror, box);
  return { box, mirror };
}

async function get(box: Box, file: TestFile): Promise<string> {
  const answer = await fetch(box.url + pathByDigest(file));
  expect(answer.status).toBe(200);
  return digestOf(Buffer.from(await answer.arrayBuffer()));
}

function pathOf(box: Box, file: TestFile): string {
  return join(box.storeDir, "blobs", file.digest.slice(0, 2), file.digest);
}

async function kept(box: Box): Promise<number> {
  return (await box.agent.api.status()).store.blobs;
}

describe("a blob that is damaged under the running agent", () => {
  test.each([0, 1_500_000, 24 * MIB - 1])(
    "in one bit, at byte %i: the client gets right bytes, fetched anew",
    async (at) => {
      const { box, mirror } = await setUp();
      await get(box, large);
      await expect.poll(() => kept(box)).toBe(1);
      await flipBit(pathOf(box, large), at);
      expect(await get(box, large)).toBe(large.digest);
      expect(mirror.files()).toHaveLength(2);
      await expect.poll(() => kept(box)).toBe(1);
      expect(await get(box, large)).toBe(large.digest);
      expect(mirror.files()).toHaveLength(2);
    },
  );

  test("by being cut short, with upstream gone: the client gets a break, never a clean end", async () => {
    const { box, mirror } = await setUp();
    await get(box, large);
    await expect.poll(() => kept(box)).toBe(1);
    await truncate(pathOf(box, large), 5 * MIB);
    await mirror.close();
    await expect(get(box, large)).rejects.toThrow();
    expect(await kept(box)).toBe(0);
  });
});

test("what the store has no room for comes all the same, and no answer says that it was stored", async () => {
  const files = { [small.name]: small.bytes, [large.name]: large.bytes };
  const mirror = await startMirror(well, files, { layout: "filename-hash" });
  const box = await startBox({ files: [small, large], mirrors: [mirror.url], config: { store: { max_size: "4MiB" } } });
  open.push(mirror, box);
  const cacheStatus = async (file: TestFile): Promise<string | null> => {
    const answer = await fetch(box.url + pathByDigest(file));
    expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(file.digest);
    return answer.headers.get("cache-status");
  };
  expect(await cacheStatus(small)).toBe("distswarm; fwd=miss; stored; detail=upstream");
  expect(await cacheStatus(large)).toBe("distswarm; fwd=miss; detail=upstream");
});

test("the store's directory deleted under the running agent: files are fetched and kept again", async () => {
  const { box, mirror } = await setUp();
  await get(box, small);
  await expect.poll(() => kept(box)).toBe(1);
  await rm(box.storeDir, { recursive: true });
  expect(await get(box, small)).toBe(small.digest);
  expect(mirror.files()).toHaveLength(2);
  await expect.poll(() => readdir(join(box.storeDir, "blobs")).catch(() => [])).toContain("layout.conf");
  expect(await get(box, small)).toBe(small.digest);
  expect(mirror.files()).toHaveLength(2);
});

test("a damaged database is set aside and built anew: nothing is fetched again", async () => {
  const { box, mirror } = await setUp();
  await get(box, small);
  await expect.poll(() => kept(box)).toBe(1);
  await box.agent.stop();
  const db = join(box.dir, "state", "db");
  for (const name of await readdir(db))
    if (/^(CURRENT|MANIFEST|0)/.test(name)) await writeFile(join(db, name), "damage");
  await box.restart();
  expect(await get(box, small)).toBe(small.digest);
  expect(mirror.files()).toHaveLength(1);
  expect((await readdir(join(box.dir, "state"))).some((name) => name.startsWith("db.damaged-"))).toBe(true);
  expect((await box.agent.api.status()).warnings).toContainEqual(expect.stringContaining(`${db}.damaged-`));
});

test("a record of the database that is not as it was written ends no start: a new one is built", async () => {
  const { box, mirror } = await setUp();
  await get(box, small);
  await expect.poll(() => kept(box)).toBe(1);
  await box.agent.stop();
  const db = await openDatabase(join(box.dir, "state", "db"), silentLogger);
  const keys = (await db.keys().all()).filter((key) => key.startsWith("!blobs!"));
  expect(keys).not.toEqual([]);
  for (const key of keys) await db.put(key, "{", { valueEncoding: "utf8" });
  await db.close();
  await box.restart();
  expect(await get(box, small)).toBe(small.digest);
  expect(mirror.files()).toHaveLength(1);
});

test("a state_dir that cannot be made ends the start with one line that names it", async () => {
  const { box } = await setUp();
  const config = { ...box.config, state_dir: "/proc/distswarm/state" };
  await expect(startAgent(config, { log: silentLogger, notes: () => [] })).rejects.toMatchObject({
    code: "STORE_UNUSABLE",
    message: expect.stringMatching(/^cannot make state_dir \/proc\/distswarm\/state \(ENOENT\): [^\n]+$/),
  });
});

test("a store of an unknown version is refused and not touched", async () => {
  const { box } = await setUp();
  await box.agent.stop();
  await writeFile(join(box.storeDir, "version"), "2\n");
  const before = await readdir(box.storeDir, { recursive: true });
  await expect(box.restart()).rejects.toMatchObject({ code: "STORE_VERSION" });
  expect(await readdir(box.storeDir, { recursive: true })).toEqual(before);
  await writeFile(join(box.storeDir, "version"), "1\n");
  await box.restart();
});

describe.skipIf(!isRoot)(named("a small file system of its own", isRoot ? undefined : "mounting needs root"), () => {
  const FILL = "fill";

  /** A box whose store is a tmpfs with this much room left. */
  async function boxWithRoom(room: number, behaviour: Behaviour = well): Promise<Box> {
    const { box } = await setUp(behaviour);
    await box.agent.stop();
    await rm(box.storeDir, { recursive: true });
    await mkdir(box.storeDir);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=32m", "tmpfs", box.storeDir]);
    open.push({ close: async () => execFileSync("umount", ["-l", box.storeDir]) });
    await box.restart();
    await leaveRoom(box, room);
    return box;
  }

  async function leaveRoom(box: Box, room: number): Promise<void> {
    await rm(join(box.storeDir, FILL), { force: true });
    const { bavail, bsize } = await statfs(box.storeDir);
    await writeFile(join(box.storeDir, FILL), Buffer.alloc(Math.max(0, bavail * bsize - room)));
  }

  async function partials(box: Box): Promise<string[]> {
    return readdir(join(box.storeDir, "partial")).catch(() => []);
  }

  test("that is read-only from the start is told before anything is to be kept", async () => {
    const box = await boxWithRoom(20 * MIB);
    await box.agent.stop();
    execFileSync("mount", ["-o", "remount,ro", box.storeDir]);
    await box.restart();
    const { store, warnings } = await box.agent.api.status();
    expect(store.problem).toMatch(/^cannot write .*\(EROFS\): its file system is read-only/);
    expect(warnings).toContain(store.problem);
  });

  test.each([0, 4096, 100_000, MIB, 2 * MIB, 3 * MIB - 4096])(
    "full after %i bytes of a small file: the client gets it, nothing half is kept, the status says so",
    async (room) => {
      const box = await boxWithRoom(room);
      expect(await get(box, small)).toBe(small.digest);
      expect(await kept(box)).toBe(0);
      await expect.poll(() => partials(box)).toEqual([]);
      expect((await box.agent.api.status()).warnings.join("\n")).toMatch(/full|room|space/i);
      await leaveRoom(box, 20 * MIB);
      expect(await get(box, small)).toBe(small.digest);
      await expect.poll(() => kept(box)).toBe(1);
      expect((await box.agent.api.status()).warnings.join("\n")).not.toMatch(/full|room|space/i);
    },
  );

  test.each([0, 100_000, 10 * MIB, 23 * MIB])(
    "full after %i bytes of a streamed file, for three clients",
    async (room) => {
      const box = await boxWithRoom(room, slow(60 * MIB));
      const got = await Promise.all([get(box, large), get(box, large), get(box, large)]);
      expect(got).toEqual([large.digest, large.digest, large.digest]);
      expect(await kept(box)).toBe(0);
      await expect.poll(() => partials(box)).toEqual([]);
    },
  );

  test.each([0, 10 * MIB])("full after %i bytes: a fetch that nobody reads ends with the reason", async (room) => {
    const box = await boxWithRoom(room);
    const codes: string[] = [];
    for await (const event of box.agent.api.fetch([large.name], new AbortController().signal)) {
      if (event.event === "failed") codes.push(event.code);
    }
    expect(codes).toEqual(["STORE_FULL"]);
    expect((await box.agent.api.status()).transfers).toEqual([]);
  });

  test("full while a client of a streamed file is far behind: it gets the rest all the same", async () => {
    const box = await boxWithRoom(20 * MIB, slow(200 * MIB));
    const url = new URL(pathByDigest(large), box.url);
    const [answer] = (await once(request(url).end(), "response")) as [IncomingMessage];
    await expect.poll(async () => (await box.agent.api.status()).warnings.join("\n")).toMatch(/full|room|space/i);
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    expect(digestOf(Buffer.concat(chunks))).toBe(large.digest);
  });

  test("full while nobody waits for a large file: it is given up, and others have its place", async () => {
    const box = await boxWithRoom(10 * MIB, slow(40 * MIB));
    const leaving = new AbortController();
    const url = box.url + pathByDigest(large);
    await fetch(url, { signal: leaving.signal });
    leaving.abort();
    await expect.poll(async () => (await box.agent.api.status()).transfers.length).toBe(0);
    expect(await get(box, small)).toBe(small.digest);
  });

  test("read-only: what is there is served, what is not is passed on without being kept", async () => {
    const box = await boxWithRoom(30 * MIB);
    await get(box, small);
    await expect.poll(() => kept(box)).toBe(1);
    // busy as long as the last file of the ingest is being closed
    await expect.poll(() => spawnSync("mount", ["-o", "remount,ro", box.storeDir]).status).toBe(0);
    expect(await get(box, small)).toBe(small.digest);
    expect(await get(box, large)).toBe(large.digest);
    expect(await kept(box)).toBe(1);
    expect((await box.agent.api.status()).warnings.join("\n")).toMatch(/read-only|EROFS/i);
  });
});

test("a database whose damage shows only when it is read: a new one is begun by itself, and nothing is fetched anew", async () => {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-damage-"));
  open.push({ close: () => rm(dir, { recursive: true, force: true }) });
  const many = Array.from({ length: 2000 }, (_, at) => testFile(`many-${at}.tar.gz`, 10));
  await makeRepository(join(dir, "repo"), [small, ...many]);
  const mirror = await startMirror(well, { [small.name]: small.bytes });
  open.push(mirror);
  const config = agentConfig(dir, mirror.url);
  const path = pathByDigest(small);
  let agent = await startAgentProcess({ dir, config });
  await expect.poll(async () => (await fetch(agent.url + path)).status).toBe(200);
  expect(await agent.end("SIGTERM")).toBe(0);
  agent = await startAgentProcess({ dir, config }); // its log becomes a table file
  expect(await agent.end("SIGTERM")).toBe(0);
  const db = join(dir, "state", "db");
  for (const name of await readdir(db)) if (name.endsWith(".ldb")) await truncate(join(db, name), 5000);
  agent = await startAgentProcess({ dir, config });
  open.push({ close: () => agent.end("SIGKILL") });
  await expect.poll(async () => (await fetch(agent.url + path)).status).toBe(200);
  expect(agent.log.join("\n")).toMatch(/database was damaged .* set aside as/);
  expect(mirror.files()).toHaveLength(1);
});
