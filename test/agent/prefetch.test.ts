import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { startBox, type Box, type BoxOptions } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { addEbuild, distLine, testFile, type TestFile } from "../support/repository.ts";
import { stallsBeforeHeaders, startMirror, well, type MirrorFiles, type MockMirror } from "../support/zoo/zoo.ts";

const MIB = 2 ** 20;
/** As many as are fetched ahead, three before them, and some more. */
const CRATES = Array.from({ length: 16 }, (_, at) => testFile(`crate-${at}.crate`, 5000 + at));
const AHEAD = 8;

const open = closeAfterEach();

interface Bed {
  readonly box: Box;
  readonly mirror: MockMirror;
  /** The names that the mirror was asked for, in that order. */
  readonly fetched: () => string[];
}

/** A box whose mirror has all files. */
async function bedOf(
  files: readonly TestFile[],
  options: BoxOptions = {},
  has: MirrorFiles = bytesOf(files),
): Promise<Bed> {
  const mirror = await startMirror(well, has);
  open.push(mirror);
  const box = await startBox({ files, mirrors: [mirror.url], ...options });
  open.push(box);
  return { box, mirror, fetched: () => mirror.files().map(({ url }) => url.slice(url.lastIndexOf("/") + 1)) };
}

function bytesOf(files: readonly TestFile[]): MirrorFiles {
  return Object.fromEntries(files.map(({ name, bytes }) => [name, bytes]));
}

function srcUri(files: readonly TestFile[]): string {
  return `SRC_URI=${files.map(({ name }) => `http://crates.invalid/${name}`).join(" ")}`;
}

async function ask({ box }: Bed, { digest }: TestFile, status = 200): Promise<void> {
  const answer = await fetch(`${box.url}/distfiles/${digest.slice(0, 2)}/${digest}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(answer.status).toBe(status);
  if (status === 200) expect(digestOf(bytes)).toBe(digest);
}

/** Until these, and no others, were asked of the mirror, and have landed. */
async function expectFetched(bed: Bed, files: readonly TestFile[]): Promise<void> {
  const names = files.map(({ name }) => name).toSorted();
  await expect.poll(() => bed.fetched().toSorted()).toEqual(names);
  await expect.poll(async () => (await bed.box.agent.api.status()).transfers).toEqual([]);
  expect(bed.fetched().toSorted()).toEqual(names);
}

test("who asks for two files of an ebuild finds the next here, a few at a time", async () => {
  const bed = await bedOf(CRATES);
  await addEbuild(bed.box.repo, "1.0", [srcUri(CRATES)]);
  await ask(bed, CRATES[0]!);
  await expectFetched(bed, CRATES.slice(0, 1));
  await ask(bed, CRATES[1]!);
  await expectFetched(bed, CRATES.slice(0, 2 + AHEAD));
  await ask(bed, CRATES[2]!);
  await expectFetched(bed, CRATES.slice(0, 3 + AHEAD));
  for (const crate of CRATES.slice(3)) await ask(bed, crate);
  await expectFetched(bed, CRATES);
});

test("what was fetched ahead counts as what it cost, when it is given", async () => {
  const bed = await bedOf(CRATES);
  await addEbuild(bed.box.repo, "1.0", [srcUri(CRATES)]);
  const tally = (files: readonly TestFile[]): object => ({
    requests: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes.length, 0),
  });
  const served = async (): Promise<object> => (await bed.box.agent.api.status()).served;
  const asked = CRATES.slice(0, 5);
  for (const crate of asked) await ask(bed, crate);
  const nothing = { requests: 0, bytes: 0 };
  await expect.poll(served).toMatchObject({ upstream: tally(asked), store: nothing });
  await ask(bed, CRATES[4]!);
  await expect.poll(served).toMatchObject({ upstream: tally(asked), store: tally(CRATES.slice(4, 5)) });
});

test("what hangs on a USE flag, is large or lies in DISTDIR is not fetched ahead", async () => {
  const large = testFile("large.tar.xz", 9 * MIB);
  const conditional = testFile("doc.zip", 4000);
  const present = testFile("present.crate", 4000);
  const [first, second, last] = CRATES;
  const bed = await bedOf([first!, second!, last!, large, conditional, present]);
  const [start, doc, end] = [srcUri([first!, second!, large]), srcUri([conditional]), srcUri([present, last!])];
  const uris = [start, `doc? ( ${doc} )`, end].map((part) => part.replace("SRC_URI=", "")).join(" ");
  await addEbuild(bed.box.repo, "1.0", [`SRC_URI=${uris}`]);
  await writeFile(join(bed.box.distdir, present.name), present.bytes);
  await expect.poll(async () => (await bed.box.agent.api.explain(present.name)).files[0]?.here).toBeTruthy();
  await ask(bed, first!);
  await ask(bed, second!);
  await expectFetched(bed, [first!, second!, last!]);
});

test("while it is not known which version is built, what both need is fetched ahead", async () => {
  const bed = await bedOf(CRATES);
  await addEbuild(bed.box.repo, "1.0", [srcUri(CRATES.slice(0, 6))]);
  await addEbuild(bed.box.repo, "2.0", [srcUri([...CRATES.slice(0, 3), ...CRATES.slice(5)])]);
  await ask(bed, CRATES[0]!);
  await ask(bed, CRATES[1]!);
  await expectFetched(bed, [...CRATES.slice(0, 3), CRATES[5]!]);
  await ask(bed, CRATES[3]!);
  await expectFetched(bed, CRATES.slice(0, 6));
});

test("what nobody has is 404 when it is asked for, and the others are fetched once", async () => {
  const missing = CRATES[2]!;
  const bed = await bedOf(CRATES, {}, bytesOf(CRATES.filter((crate) => crate !== missing)));
  await addEbuild(bed.box.repo, "1.0", [
    "RESTRICT=mirror",
    `SRC_URI=${CRATES.map(({ name }) => `${bed.mirror.url}/distfiles/${name}`).join(" ")}`,
  ]);
  await ask(bed, CRATES[0]!);
  await ask(bed, CRATES[1]!);
  await expect.poll(bed.fetched).toContain(missing.name);
  await expect.poll(async () => (await bed.box.agent.api.status()).transfers).toEqual([]);
  await ask(bed, missing, 404);
  for (const crate of CRATES.slice(3)) await ask(bed, crate);
  await expect.poll(() => new Set(bed.fetched()).size).toBe(CRATES.length);
  expect(bed.fetched().filter((name) => name !== missing.name)).toHaveLength(CRATES.length - 1);
});

test("an agent that stops does not wait for what it fetches ahead", async () => {
  const bed = await bedOf(CRATES, { config: { upstream: { header_timeout: "60s" } } });
  await addEbuild(bed.box.repo, "1.0", [srcUri(CRATES)]);
  await ask(bed, CRATES[0]!);
  await ask(bed, CRATES[1]!);
  await expectFetched(bed, CRATES.slice(0, 2 + AHEAD));
  bed.mirror.become(stallsBeforeHeaders);
  const asked = bed.mirror.asked();
  await ask(bed, CRATES[2]!);
  await asked;
  await bed.box.agent.stop();
  expect(bed.mirror.files()).toHaveLength(3 + AHEAD);
});

test("the files of a repository without md5-cache are fetched when they are asked for", async () => {
  const bed = await bedOf(CRATES);
  for (const crate of CRATES.slice(0, 4)) await ask(bed, crate);
  await expectFetched(bed, CRATES.slice(0, 4));
});

test("a file that many packages need goes on where the last one was", async () => {
  const bed = await bedOf(CRATES);
  await addEbuild(bed.box.repo, "1.0", [srcUri(CRATES)]);
  const manifest = `${distLine(CRATES[1]!)}\n`;
  for (const name of "abcdef") {
    await mkdir(join(bed.box.repo, "app-misc", name));
    await writeFile(join(bed.box.repo, "app-misc", name, "Manifest"), manifest);
  }
  await bed.box.restart();
  await ask(bed, CRATES[1]!);
  await ask(bed, CRATES[2]!);
  await expectFetched(bed, CRATES.slice(1, 3));
  await ask(bed, CRATES[3]!);
  await expectFetched(bed, CRATES.slice(1, 4 + AHEAD));
});
