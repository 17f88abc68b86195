import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { addEbuild, pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { makeCertificate } from "../support/zoo/certificate.ts";
import { says, startMirror, well, type MirrorFiles, type MockMirror } from "../support/zoo/zoo.ts";

const file = testFile("tool-1.0.tar.gz", 300_000);

const FORBIDDEN =
  "the ebuild of app-misc/files forbids fetching (RESTRICT=fetch): only a box or a local mirror that has it can give it";

const open = closeAfterEach();

async function serverOf(files: MirrorFiles): Promise<MockMirror> {
  const server = await startMirror(well, files);
  open.push(server);
  return server;
}

/** A box whose one mirror lacks the file, and whose one ebuild says this of it. */
async function boxWith(...lines: string[]): Promise<{ box: Box; mirror: MockMirror }> {
  const mirror = await serverOf({});
  const box = await startBox({ files: [file], mirrors: [mirror.url] });
  open.push(box);
  await addEbuild(box.repo, "1.0", lines);
  return { box, mirror };
}

async function ask(box: Box, method: "GET" | "HEAD", wanted: TestFile = file): Promise<Response> {
  return fetch(box.url + pathByDigest(wanted), { method });
}

async function expectGiven(box: Box): Promise<void> {
  const answer = await ask(box, "GET");
  expect(answer.status).toBe(200);
  expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(file.digest);
}

test("what mirrors lack comes from SRC_URI, renamed and conditional as it may be; HEAD finds it there, too", async () => {
  const host = await serverOf({ "/archive/v1.0.tar.gz": file.bytes });
  const { box, mirror } = await boxWith(`SRC_URI=doc? ( ${host.url}/archive/v1.0.tar.gz -> ${file.name} )`);
  const head = await ask(box, "HEAD");
  expect([head.status, head.headers.get("content-length")]).toEqual([200, "300000"]);
  await expectGiven(box);
  expect(mirror.files().map(({ method }) => method)).toEqual(["HEAD", "GET"]);
  expect(host.requests.map(({ method }) => method)).toEqual(["HEAD", "GET"]);
});

test("mirror:// is asked at what profiles/thirdpartymirrors says", async () => {
  const host = await serverOf({ [`/gnu/tool/${file.name}`]: file.bytes });
  const { box } = await boxWith(`SRC_URI=mirror://gnu/tool/${file.name}`);
  await writeFile(join(box.repo, "profiles", "thirdpartymirrors"), `gnu ${host.url}/gnu\n`);
  await box.restart();
  await expectGiven(box);
});

test("RESTRICT=mirror asks SRC_URI alone, RESTRICT=fetch nobody: that is 404", async () => {
  const host = await serverOf({ [`/${file.name}`]: file.bytes });
  const uri = `SRC_URI=${host.url}/${file.name}`;
  const unmirrored = await boxWith("RESTRICT=mirror", uri);
  await expectGiven(unmirrored.box);
  expect(unmirrored.mirror.requests).toEqual([]);
  const unfetched = await boxWith("RESTRICT=fetch", uri);
  expect((await ask(unfetched.box, "HEAD")).status).toBe(404);
  const answer = await ask(unfetched.box, "GET");
  expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining(FORBIDDEN)]);
  const { files } = await unfetched.box.agent.api.explain(file.name);
  expect(files[0]).toMatchObject({ sources: [], withheld: [FORBIDDEN], why: `Nobody is asked: ${FORBIDDEN}.` });
  expect(unfetched.mirror.requests).toEqual([]);
  expect(host.requests).toHaveLength(1);
});

test("RESTRICT=fetch with a mirror:// that nobody defines is 404, too, and says why", async () => {
  const { box } = await boxWith("RESTRICT=fetch", `SRC_URI=mirror://nobody/${file.name}`);
  const answer = await ask(box, "GET");
  const why = `${FORBIDDEN}; no repository and no /etc/portage/mirrors says what mirror://nobody is`;
  expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining(why)]);
});

test("what is left out of SRC_URI is told with the answer, and by explain", async () => {
  const { box } = await boxWith(
    "RESTRICT=mirror",
    `SRC_URI=mirror://nobody/${file.name} ftp://ftp.example/${file.name} mirror://nobody/doc.zip`,
  );
  const left = [
    "the ebuild of app-misc/files forbids mirrors (RESTRICT)",
    "no repository and no /etc/portage/mirrors says what mirror://nobody is",
    `ftp://ftp.example/${file.name} is neither http nor https`,
  ];
  expect((await ask(box, "HEAD")).status).toBe(502);
  const answer = await ask(box, "GET");
  expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining(`; ${left.join("; ")}`)]);
  const { files } = await box.agent.api.explain(file.name);
  expect(files[0]?.withheld).toEqual(left);
});

test("an https host is asked only where its certificate holds", async () => {
  const tls = await makeCertificate();
  const host = await startMirror(well, { [`/${file.name}`]: file.bytes }, { tls });
  open.push(host);
  const { box } = await boxWith(`SRC_URI=${host.url}/${file.name}`);
  const answer = await ask(box, "GET");
  expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining("certificate is not trusted")]);
  expect(host.requests).toEqual([]);
});

test("a name that tells no one digest gets its 503 and Retry-After from mirrors that ask to be left alone", async () => {
  const mirror = await startMirror(says(503, { "retry-after": "9" }), { "odd.txt": Buffer.from("odd") });
  open.push(mirror);
  const box = await startBox({ files: [file], mirrors: [mirror.url] });
  open.push(box);
  for (const method of ["GET", "HEAD"]) {
    const answer = await fetch(`${box.url}/distfiles/odd.txt`, { method });
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(6);
  }
  expect(mirror.files()).toHaveLength(1);
});
