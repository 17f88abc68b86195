import { readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { testFile } from "../support/repository.ts";
import { RESUME, wget } from "../support/wget.ts";
import { startMirror, well, type MockMirror } from "../support/zoo/zoo.ts";

const MIB = 2 ** 20;
const file = testFile("begun-1.0.tar.xz", 3 * MIB);

const open = closeAfterEach();

/** A box whose DISTDIR has `begun` of the file under the name that Portage gives it while it fetches. */
async function boxThatBegan(
  begun: Uint8Array,
  store: Record<string, string> = { min_free: "0B" },
): Promise<{ box: Box; mirror: MockMirror; download: string }> {
  const mirror = await startMirror(well, { [file.name]: file.bytes });
  open.push(mirror);
  const box = await startBox({ files: [file], mirrors: [mirror.url], config: { store } });
  open.push(box);
  const download = join(box.distdir, `${file.name}.__download__`);
  await writeFile(download, begun);
  return { box, mirror, download };
}

async function linkTo(download: string, secret: Uint8Array): Promise<void> {
  await writeFile(`${download}.secret`, secret);
  await rm(download);
  await symlink(`${download}.secret`, download);
}

async function ask(box: Box): Promise<void> {
  const answer = await fetch(`${box.url}/distfiles/${file.name}`);
  expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(file.digest);
}

async function resume(box: Box, download: string): Promise<void> {
  const { code } = await wget(RESUME, `${box.url}/distfiles/${file.name}`, { to: download });
  expect(code).toBe(0);
}

test("a download that broke before there was an agent goes on where it broke, upstream too", async () => {
  const { box, mirror, download } = await boxThatBegan(file.bytes.subarray(0, 2 * MIB));
  await resume(box, download);
  expect(digestOf(await readFile(download))).toBe(file.digest);
  expect(mirror.files().map(({ headers }) => headers.range)).toEqual([`bytes=${2 * MIB}-`]);
  await expect.poll(async () => (await box.agent.api.status()).store.blobs).toBe(1);
});

test("wrong bytes in DISTDIR cost a second look upstream, and are neither stored nor blamed on the mirror", async () => {
  const { box, mirror, download } = await boxThatBegan(Buffer.alloc(2 * MIB, "?"));
  await resume(box, download);
  await ask(box);
  expect(mirror.files().map(({ headers }) => headers.range)).toEqual([`bytes=${2 * MIB}-`, undefined]);
});

/** What aria2, axel and lftp keep beside a file of which they fetch several pieces at once. */
const notes = [".aria2", ".st", ".lftp-pget-status"];

test.each(notes)("what was fetched in pieces is not gone on with, for bytes lack before its end: %s", async (note) => {
  const { box, mirror, download } = await boxThatBegan(Buffer.alloc(2 * MIB));
  await writeFile(download + note, "");
  await ask(box);
  expect(mirror.files().map(({ headers }) => headers.range)).toEqual([undefined]);
});

test("where the store has no room for the file, nothing of it is copied there", async () => {
  const { box, download } = await boxThatBegan(file.bytes.subarray(0, 2 * MIB), { min_free: "1024TiB" });
  await resume(box, download);
  expect(digestOf(await readFile(download))).toBe(file.digest);
  expect(await readdir(join(box.storeDir, "partial"))).toEqual([]);
});

test.each([
  ["less than Portage resumes", (download: string) => writeFile(download, file.bytes.subarray(0, 300_000))],
  ["more than the file has", (download: string) => writeFile(download, Buffer.alloc(file.bytes.length + 1))],
  ["a symlink to somebody's secret", (download: string) => linkTo(download, file.bytes.subarray(0, 2 * MIB))],
])("%s is left alone, and all is fetched", async (_, write) => {
  const { box, mirror, download } = await boxThatBegan(Buffer.alloc(0));
  await write(download);
  const answer = await fetch(`${box.url}/distfiles/${file.name}`);
  expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(file.digest);
  expect(mirror.files().map(({ headers }) => headers.range)).toEqual([undefined]);
});
