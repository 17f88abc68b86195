import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { DAY_MS, newestDate } from "../../src/snapshot/name.ts";
import { parseMd5sum } from "../../src/snapshot/md5sum.ts";
import { makeKey, makeUnit, writeKeyring, type TestUnit } from "../snapshot/support/unit.ts";
import { treeTarball } from "../support/tree-tarball.ts";
import { boxWith, DOORS, keyringOf, keeps, mirrorFiles, SYNC, type Door, type LoggedBox } from "../support/webrsync.ts";
import { wget } from "../support/wget.ts";
import { says, slow, startMirror, well, type Behaviour, type MockMirror } from "../support/zoo/zoo.ts";

const MINUTE_MS = 60_000;
/** Saturday, 21 November 2026, 00:30 UTC: the snapshot of the 20th is not out yet. */
const BEFORE_ONE = Date.UTC(2026, 10, 21, 0, 30);
const key = await makeKey({ now: BEFORE_ONE });
const DATES = ["20261119", "20261120", "20261121"] as const;
const units = await Promise.all(DATES.map(async (date) => makeUnit(key, { date, tarball: await treeTarball(date) })));
const [thursday, friday, saturday] = units as [TestUnit, TestUnit, TestUnit];

/** The clock of the box; it also goes on by itself. */
let clock: { set(time: number): void; now(): number };

beforeEach(() => {
  const { now } = Date;
  let offset = 0;
  clock = { set: (time) => void (offset = time - now()), now: () => now() + offset };
  clock.set(BEFORE_ONE);
  vi.spyOn(Date, "now").mockImplementation(clock.now);
  onTestFinished(() => void vi.restoreAllMocks());
});

/** A mirror that has the units that are out so far. */
class Mirror {
  readonly #server: MockMirror;
  readonly #out = new Set<string>();
  #seen = 0;

  private constructor(server: MockMirror) {
    this.#server = server;
  }

  static async start(): Promise<Mirror> {
    const mirror = new Mirror(await startMirror(says(404), mirrorFiles(...units)));
    onTestFinished(() => mirror.#server.close());
    return mirror;
  }

  get url(): string {
    return this.#server.url;
  }

  publish({ date }: TestUnit, behaviour: Behaviour = well): void {
    this.#out.add(date);
    this.#server.become((exchange) => {
      const isOut = [...this.#out].some((date) => exchange.request.url!.includes(date));
      return (isOut ? behaviour : says(404))(exchange);
    });
  }

  /** Requests since the last call: what was asked for, and from which byte. */
  asked(): string[] {
    const since = this.#server.requests.slice(this.#seen);
    this.#seen = this.#server.requests.length;
    return since.map(({ url, headers }) => url.replace("/snapshots/", "") + (headers.range ? ` ${headers.range}` : ""));
  }
}

function isTarball(asked: string): boolean {
  return /\.xz( |$)/.test(asked);
}

/** What emerge-webrsync does without its own checks of the signature: from the newest date back, over all four names. */
async function webrsync(box: LoggedBox, mirror: Mirror, door: Door): Promise<string | undefined> {
  const { base, ...by } = door(box, mirror.url);
  const fetchTo = async (name: string): Promise<Buffer | undefined> => {
    const to = join(box.dir, name);
    await rm(to, { force: true });
    const { code } = await wget(SYNC, `${base}/snapshots/${name}`, { to, ...by });
    return code === 0 ? readFile(to) : undefined;
  };
  for (let days = 0; days < 4; days += 1) {
    const date = newestDate(clock.now() - days * DAY_MS);
    for (const name of ["gentoo", "portage"].flatMap((tree) =>
      ["xz", "bz2"].map((kind) => `${tree}-${date}.tar.${kind}`),
    )) {
      const md5sum = await fetchTo(`${name}.md5sum`);
      if (md5sum === undefined) continue;
      await fetchTo(`${name}.gpgsig`);
      const tarball = await fetchTo(name);
      const md5 = tarball && createHash("md5").update(tarball).digest("hex");
      if (md5 !== undefined && md5 === parseMd5sum(md5sum.toString(), name)) return date;
    }
  }
  return undefined;
}

async function startBox(mirror: Mirror): Promise<LoggedBox> {
  const config = { proxy: { verify_first: "64KiB" } }; // clients are passed tarballs while they come
  const box = await boxWith([mirror.url], { config, keyring: false });
  await writeKeyring(keyringOf(box), key);
  return box;
}

describe.each(DOORS)("emerge-webrsync through %s", (_, door) => {
  test("gets each day's snapshot once it is out, over midnight, and the day before's until then without upstream", async () => {
    const mirror = await Mirror.start();
    const box = await startBox(mirror);
    mirror.publish(thursday);
    expect(await webrsync(box, mirror, door)).toBe(thursday.date);
    await keeps(box, thursday.date);
    expect(mirror.asked().filter((name) => isTarball(name))).toHaveLength(1);

    clock.set(BEFORE_ONE + 31 * MINUTE_MS);
    expect(await webrsync(box, mirror, door)).toBe(thursday.date);
    expect(mirror.asked().filter((name) => name.includes(thursday.date))).toEqual([]);

    mirror.publish(friday);
    clock.set(BEFORE_ONE + 34 * MINUTE_MS); // upstream's 404 is remembered for two minutes
    expect(await webrsync(box, mirror, door)).toBe(friday.date);
    await keeps(box, friday.date, thursday.date);

    clock.set(BEFORE_ONE + DAY_MS);
    mirror.asked();
    expect(await webrsync(box, mirror, door)).toBe(friday.date);
    expect(mirror.asked()).toEqual([]);
    mirror.publish(saturday);
    clock.set(BEFORE_ONE + DAY_MS + 31 * MINUTE_MS);
    expect(await webrsync(box, mirror, door)).toBe(saturday.date);
    await keeps(box, saturday.date, friday.date);
  });

  test("goes on in the middle after it was ended, with one download from upstream", async () => {
    const mirror = await Mirror.start();
    const box = await startBox(mirror);
    mirror.publish(thursday, slow());
    const { base, proxy } = door(box, mirror.url);
    const name = `gentoo-${thursday.date}.tar.xz`;
    const to = join(box.dir, name);
    const env = { PATH: process.env["PATH"], ...(proxy && { http_proxy: proxy }) };
    const ended = spawn("wget", [...SYNC, "-O", to, `${base}/snapshots/${name}`], { env, stdio: "ignore" });
    const arrived = (): Promise<number> =>
      stat(to).then(
        ({ size }) => size,
        () => 0,
      );
    await expect.poll(arrived, { timeout: 10_000 }).toBeGreaterThan(0);
    ended.kill("SIGKILL");
    await once(ended, "exit");
    const { code } = await wget(SYNC, `${base}/snapshots/${name}`, { to, ...(proxy && { proxy }) });
    expect([code, (await readFile(to)).equals(thursday.files.tarball)]).toEqual([0, true]);
    await keeps(box, thursday.date);
    expect(mirror.asked().filter((asked) => isTarball(asked))).toEqual([name]);
  });
});
