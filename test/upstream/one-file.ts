import { randomBytes } from "node:crypto";
import { beforeEach } from "vitest";
import type { Database } from "../../src/core/database.ts";
import { digestOf } from "../../src/core/digest.ts";
import type { Want } from "../../src/core/distfile.ts";
import type { SourceError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { UpstreamMirrors, type UpstreamMirrorsOptions } from "../../src/upstream/upstream-mirrors.ts";
import { closeAfter, noSignal, readAll, tempDatabase } from "./harness.ts";

/** One file that mirrors have, its name and content, and what somebody wants of it. */
export const NAME = "foo+1.tar.xz";
export const FILE = randomBytes(10_000);
export const FILES = { [NAME]: FILE };
export const WANT: Want = { digest: digestOf(FILE), size: FILE.length, names: [NAME], packages: [] };

const TIMEOUTS = { headerTimeoutMs: 200, stallTimeoutMs: 200 };

let db: Database;

beforeEach(async () => {
  db = await tempDatabase();
});

/** Upstream with these mirrors, started; several of one test share their database. */
export async function upstreamOf(
  mirrors: readonly string[],
  options: UpstreamMirrorsOptions = {},
): Promise<UpstreamMirrors> {
  const upstream = new UpstreamMirrors({ db, log: silentLogger }, { mirrors, ...TIMEOUTS, ...options });
  await upstream.start();
  closeAfter(() => upstream.stop());
  return upstream;
}

/** Labels of the sources, in their order, without asking any of them. */
export async function labels(upstream: UpstreamMirrors, want: Want = WANT): Promise<string[]> {
  const found: string[] = [];
  for await (const { label } of upstream.sources(want, { signal: noSignal() })) found.push(label);
  return found;
}

/** Tries source after source until one gives it all. */
export async function retrieve(
  upstream: UpstreamMirrors,
  want: Want = WANT,
): Promise<{ got?: Buffer; faults: string[] }> {
  const faults: string[] = [];
  for await (const source of upstream.sources(want, { signal: noSignal() })) {
    try {
      return { got: await readAll((await source.open({ offset: 0, signal: noSignal() })).bytes), faults };
    } catch (error) {
      faults.push((error as SourceError).code);
    }
  }
  return { faults };
}
