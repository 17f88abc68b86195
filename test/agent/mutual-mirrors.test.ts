import { expect, onTestFinished, test, vi } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { DATE, makeKey, makeUnit, NOW, writeKeyring } from "../snapshot/support/unit.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { freePort } from "../support/free-port.ts";
import { pathByDigest, testFile } from "../support/repository.ts";
import { mirrorFiles } from "../support/webrsync.ts";
import { startMirror, well, type MirrorFiles, type MockMirror } from "../support/zoo/zoo.ts";

const file = testFile("tool-1.0.tar.gz", 300_000);
const byDigest = pathByDigest(file);
const key = await makeKey();
const unit = await makeUnit(key);

const open = closeAfterEach();

/**
 * Boxes of which each has the next one as its first mirror, as a `local` one or one of Gentoo's; they would wait for each
 * other for longer than a test may take.
 */
async function circleOf(
  size: number,
  files: MirrorFiles,
  kind: "local" | "gentoo" = "local",
): Promise<{ boxes: Box[]; mirror: MockMirror }> {
  const mirror = await startMirror(well, files);
  open.push(mirror);
  const ports: number[] = [];
  for (let at = 0; at < size; at += 1) ports.push(await freePort());
  const boxes = await Promise.all(
    ports.map((port, at) => {
      const next = `http://127.0.0.1:${ports[(at + 1) % size]}`;
      const named = kind === "local" ? { custom_mirrors: [`local ${next}`] } : { mirrors: [next, mirror.url] };
      const upstream = { mirrors: [mirror.url], header_timeout: "10min", ...named };
      return startBox({ files: [file], config: { proxy: { listen: [`127.0.0.1:${port}`] }, upstream } });
    }),
  );
  open.push(...boxes);
  return { boxes, mirror };
}

async function expectGiven(answer: Response): Promise<void> {
  expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(file.digest);
}

test.each([2, 3])(
  "of %i boxes that are each other's mirrors, the last one asks elsewhere, once for all",
  async (size) => {
    const { boxes, mirror } = await circleOf(size, { [file.name]: file.bytes });
    await expectGiven(await fetch(boxes[0]!.url + byDigest));
    expect(mirror.files()).toHaveLength(1);
    expect((await fetch(boxes.at(-1)!.url + byDigest)).headers.get("cache-status")).toBe("distswarm; hit");
  },
);

test.each([2, 3])("asked at the same moment, %i boxes do not wait for each other either", async (size) => {
  const { boxes, mirror } = await circleOf(size, { [file.name]: file.bytes });
  const answers = await Promise.all(boxes.map(({ url }) => fetch(url + byDigest)));
  for (const answer of answers) await expectGiven(answer);
  expect(mirror.files()).toHaveLength(1);
});

test.each([2, 3])("nor do %i that are asked by HEAD at the same moment", async (size) => {
  const { boxes } = await circleOf(size, { [file.name]: file.bytes });
  const answers = await Promise.all(boxes.map(({ url }) => fetch(url + byDigest, { method: "HEAD" })));
  expect(answers.map(({ status }) => status)).toEqual(boxes.map(() => 200));
});

test.each([2, 3])("nor do %i that are asked for a tree snapshot at the same moment", async (size) => {
  const { now } = Date;
  const ahead = NOW - now();
  vi.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  onTestFinished(() => void vi.restoreAllMocks());
  const { boxes } = await circleOf(size, mirrorFiles(unit), "gentoo");
  for (const { config } of boxes) await writeKeyring(config.snapshot.keyring, key);
  const tarball = `/snapshots/${fileName(DATE, "tarball")}`;
  const answers = await Promise.all(boxes.map(({ url }) => fetch(url + tarball)));
  for (const answer of answers) expect(Buffer.from(await answer.arrayBuffer())).toEqual(unit.files.tarball);
});

test("what nobody has is told at once, and whom it came back to is not left alone for that", async () => {
  const { boxes, mirror } = await circleOf(2, {});
  for (const method of ["HEAD", "GET"]) {
    expect((await fetch(boxes[0]!.url + byDigest, { method })).status).toBe(502);
  }
  expect(mirror.files().map(({ method }) => method)).toEqual(["HEAD", "HEAD", "GET", "GET"]);
  const { mirrors } = await boxes[1]!.agent.api.status();
  expect(mirrors.map(({ failures }) => failures)).toEqual([0, 0]);
});
