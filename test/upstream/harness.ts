import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach } from "vitest";
import { openDatabase, type Database } from "../../src/core/database.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { TrustedCertificates } from "../../src/upstream/trusted-certificates.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { TestCertificate } from "../support/zoo/certificate.ts";
import * as zoo from "../support/zoo/zoo.ts";

/** What a test opened; closed after it, the last one first. */
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Has `close` called after the test. */
export function closeAfter(close: () => Promise<unknown>): void {
  closing.push(close);
}

/** A mock mirror for this test. */
export async function mirrorOf(...args: Parameters<typeof zoo.startMirror>): Promise<zoo.MockMirror> {
  const mirror = await zoo.startMirror(...args);
  closeAfter(mirror.close);
  return mirror;
}

/** Trust in this certificate, as if the system had it. */
export async function trusting({ cert }: TestCertificate): Promise<TrustedCertificates> {
  const bundle = join(await tempDir(), "ca-certificates.crt");
  await writeFile(bundle, cert);
  return new TrustedCertificates(bundle);
}

/** A database for this test, closed before its directory goes. */
export async function tempDatabase(): Promise<Database> {
  const db = await openDatabase(join(await tempDir(), "db"), silentLogger);
  closeAfter(() => db.close());
  return db;
}

/** Writes files into `dir`, by their path there. */
export async function writeTree(dir: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
}

/** All of a stream. */
export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** A signal that never aborts. */
export function noSignal(): AbortSignal {
  return new AbortController().signal;
}
