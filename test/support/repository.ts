import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { digestOf, type Digest } from "../../src/core/digest.ts";

/** A distfile of a test: its bytes, and the name that a Manifest gives it. */
export interface TestFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly digest: Digest;
}

/** A distfile of `size` bytes that look random and are the same at every run. */
export function testFile(name: string, size: number): TestFile {
  const bytes = pseudoRandomBytes(size, name);
  return { name, bytes, digest: digestOf(bytes) };
}

/** The path at which the mirror door gives a distfile by its digest. */
export function pathByDigest({ digest }: { readonly digest: string }): string {
  return `/distfiles/${digest.slice(0, 2)}/${digest}`;
}

/** Bytes from a seed: SHAKE256, so that any size is quick to make. */
export function pseudoRandomBytes(size: number, seed: string): Buffer {
  if (size === 0) return Buffer.alloc(0);
  return createHash("shake256", { outputLength: size }).update(seed).digest();
}

/** The Manifest line of a distfile. */
export function distLine({ name, bytes, digest }: TestFile): string {
  const sha512 = createHash("sha512").update(bytes).digest("hex");
  return `DIST ${name} ${bytes.length} BLAKE2B ${digest} SHA512 ${sha512}`;
}

/** Makes an ebuild repository whose one package names all files. */
export async function makeRepository(dir: string, files: readonly TestFile[], name = "test"): Promise<void> {
  const manifest = join(dir, "app-misc", "files", "Manifest");
  await mkdir(dirname(manifest), { recursive: true });
  await mkdir(join(dir, "profiles"), { recursive: true });
  await writeFile(join(dir, "profiles", "repo_name"), `${name}\n`);
  await writeFile(manifest, files.map((file) => `${distLine(file)}\n`).join(""));
}

/** Touches the top of a repository, as a sync does: an agent takes that for a hint to read it again. */
export async function hintAtSync(repo: string): Promise<void> {
  await writeFile(join(repo, "synced"), String(performance.now()));
}

/** Gives the package of {@link makeRepository} an ebuild with an md5-cache entry of these lines (`SRC_URI=…`). */
export async function addEbuild(repo: string, version: string, lines: readonly string[]): Promise<void> {
  const cache = join(repo, "metadata", "md5-cache", "app-misc");
  await mkdir(cache, { recursive: true });
  await writeFile(join(repo, "app-misc", "files", `files-${version}.ebuild`), "");
  await writeFile(join(cache, `files-${version}`), `${lines.join("\n")}\n`);
}
