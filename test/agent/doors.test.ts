import { readFile, rm } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { RepoWatch } from "../../src/manifest/watch.ts";
import { startBox } from "../support/box.ts";
import { testFile } from "../support/repository.ts";
import { FETCH, wget } from "../support/wget.ts";
import { logInto } from "../support/log-lines.ts";
import { named } from "../support/skipped.ts";
import { boxAndMirror, byDigest, file, FOR_OTHERS } from "./door-box.ts";

test("while the Manifests are being read: the mirror door asks for patience, the proxy passes on what it does not know yet", async () => {
  const { box, mirror } = await boxAndMirror();
  await box.agent.stop();
  let read = () => {};
  const held = new Promise<void>((resolve) => (read = resolve));
  const scan = vi.spyOn(RepoWatch.prototype, "arm").mockReturnValueOnce(held); // what a scan begins with
  await rm(join(box.dir, "state", "db"), { recursive: true });
  await box.restart();
  const name = encodeURIComponent(file.name);
  try {
    for (const path of [byDigest, `/distfiles/${name}`]) {
      const answer = await fetch(box.url + path);
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    }
    const to = join(box.dir, "out");
    const url = `${mirror.url}/distfiles/${digestOf(Buffer.from(file.name)).slice(0, 2)}/${name}`;
    expect(await wget(FETCH, url, { to, proxy: box.url })).toMatchObject({ code: 0 }); // a 503 would end the build
    expect(digestOf(await readFile(to))).toBe(file.digest);
  } finally {
    scan.mockRestore();
    read();
  }
  await expect.poll(async () => (await fetch(box.url + byDigest)).status).toBe(200);
});

test("a Manifest line that no bytes can meet is an answer, and the agent goes on", async () => {
  const empty = { ...testFile("empty-1.0.tar.gz", 0), digest: testFile("other", 5).digest };
  const { box } = await boxAndMirror({ files: [file, empty] });
  expect((await fetch(`${box.url}/distfiles/${empty.name}`)).status).toBe(502);
  expect((await fetch(box.url + byDigest)).status).toBe(200);
});

test("an address outside proxy.allow is told so", async () => {
  const { box } = await boxAndMirror({ config: FOR_OTHERS });
  const answer = await fetch(`${box.url}/`);
  expect(answer.status).toBe(403);
  expect(await answer.text()).toMatch(/127\.0\.0\.1 is not in proxy\.allow/);
});

test("who is refused is a line of the log, as wget and rsync show no more than 403, and not one for each request", async () => {
  const lines: string[] = [];
  const { box } = await boxAndMirror({ config: FOR_OTHERS, log: logInto(lines) });
  for (let asked = 0; asked < 3; asked += 1) expect((await fetch(box.url + byDigest)).status).toBe(403);
  expect(lines.filter((line) => line.startsWith("refused"))).toEqual([
    "refused: 127.0.0.1 is not in proxy.allow of this distswarm agent",
  ]);
});

const hasIpv6 = networkInterfaces()["lo"]?.some(({ address }) => address === "::1") ?? false;
const lacksIpv6 = hasIpv6 ? undefined : "needs IPv6";

test.skipIf(!hasIpv6)(
  named("it is told as the config has it where one socket is for both families", lacksIpv6),
  async () => {
    const { box } = await boxAndMirror({ config: { proxy: { ...FOR_OTHERS.proxy, listen: ["[::]:0"] } } });
    const answer = await fetch(`http://127.0.0.1:${new URL(box.url).port}/`);
    expect(await answer.text()).toMatch(/Forbidden: 127\.0\.0\.1 is not in proxy\.allow/);
  },
);

test.for(["127.0.0.1", ...(hasIpv6 ? ["[::1]"] : [])])(
  "a port of %s that is already taken is named, as in the config",
  async (address) => {
    const { box } = await boxAndMirror({ config: { proxy: { listen: [`${address}:0`] } } });
    const { host } = new URL(box.url);
    await expect(startBox({ config: { proxy: { listen: [host] } } })).rejects.toThrow(
      `${host} is taken by another program`,
    );
  },
);

test("no mirror at all is an answer, not an end", async () => {
  const { box } = await boxAndMirror({ mirrors: [] });
  const answer = await fetch(box.url + byDigest);
  expect(answer.status).toBe(502);
  expect(await answer.text()).toMatch(/no source for hello/);
});
