import { execFile, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readKeys } from "openpgp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileName, newestDate } from "../../src/snapshot/name.ts";
import { verifyUnit, type UnitPaths, type VerifiedUnit } from "../../src/snapshot/verify.ts";
import { makeKey, makeUnit, writeKeyring, writeUnit } from "./support/unit.ts";
import { named } from "../support/skipped.ts";

const run = promisify(execFile);

/** Programs that this file needs and that are not here; it is skipped where there is one, and says which. */
const MISSING = ["gpg", "tar", "xz"].filter((program) => spawnSync(program, ["--version"]).error !== undefined);
const reason = MISSING.length === 0 ? undefined : `needs ${MISSING.join()}`;

const USER_ID = "Gentoo ebuild repository signing key <infrastructure@gentoo.org>";
const FILES = 300;
const HOUR_MS = 3_600_000;

describe.skipIf(reason !== undefined)(named("beside gpg, with a tree made by tar and xz", reason), () => {
  const date = newestDate(Date.now() + HOUR_MS); // yesterday, at any hour: what is signed now is signed in its 48 h
  let dir: string;
  let home: string;
  let tarball: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "distswarm-gpg-"));
    home = join(dir, "gnupg");
    await mkdir(home, { mode: 0o700 });
    await gpg("--quick-gen-key", USER_ID, "rsa3072", "sign", "2d");
    await gpg("--quick-add-key", (await fingerprint()) ?? "", "ed25519", "sign", "2d");
    await writeTree(join(dir, `gentoo-${date}`));
    tarball = join(dir, fileName(date, "tarball"));
    await run("tar", ["-cJf", tarball, "-C", dir, `gentoo-${date}`]);
  });

  afterAll(async () => {
    await run("gpgconf", ["--homedir", home, "--kill", "all"]).catch(() => {}); // it would live on without its home
    await rm(dir, { recursive: true, force: true });
  });

  async function gpg(...args: string[]): Promise<string> {
    const options = ["--homedir", home, "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""];
    return (await run("gpg", [...options, ...args])).stdout;
  }

  async function fingerprint(): Promise<string | undefined> {
    return /^fpr:+([0-9A-F]+):/m.exec(await gpg("--with-colons", "--list-keys"))?.[1];
  }

  /** Signs the tarball with gpg and makes its unit complete. */
  async function signed(...how: string[]): Promise<UnitPaths> {
    const signature = join(dir, fileName(date, "signature"));
    await gpg("--armor", ...how, "--output", signature, "--detach-sign", tarball);
    const md5sum = join(dir, fileName(date, "md5sum"));
    await writeFile(md5sum, (await run("md5sum", [fileName(date, "tarball")], { cwd: dir })).stdout);
    return { tarball, signature, md5sum };
  }

  async function verified(paths: UnitPaths): Promise<VerifiedUnit> {
    const keys = await readKeys({ armoredKeys: await gpg("--armor", "--export") });
    return verifyUnit(paths, { date, keys, now: Date.now(), others: [] });
  }

  test("what gpg signed with its newest subkey is verified, over the tree that md5sum summed up", async () => {
    expect(await verified(await signed())).toMatchObject({ signedBy: USER_ID, key: await fingerprint() });
  });

  test("what it signed with the RSA primary key is verified, too, though the signature is binary", async () => {
    expect(await verified(await signed("--no-armor", "--local-user", `${await fingerprint()}!`))).toMatchObject({
      key: await fingerprint(),
    });
  });

  test("a signature over SHA-1 is refused as too weak", async () => {
    const paths = await signed("--digest-algo", "SHA1", "--local-user", `${await fingerprint()}!`);
    await expect(verified(paths)).rejects.toMatchObject({ check: "WEAK_HASH" });
  });

  test("a key whose validity was extended after it signed is still good, as it is for gpg", async () => {
    const paths = await signed();
    await new Promise((resolve) => setTimeout(resolve, 1100)); // signatures carry whole seconds
    await gpg("--quick-set-expire", (await fingerprint()) ?? "", "30d");
    await gpg("--quick-set-expire", (await fingerprint()) ?? "", "30d", "*");
    await gpg("--verify", paths.signature, paths.tarball);
    expect(await verified(paths)).toMatchObject({ signedBy: USER_ID });
  });

  test("what the tests sign, gpg verifies", async () => {
    const key = await makeKey();
    const paths = await writeUnit(dir, await makeUnit(key, { date, tarball: await readFile(tarball) }));
    await writeKeyring(join(dir, "ours.asc"), key);
    await gpg("--import", join(dir, "ours.asc"));
    const faked = ["--faked-system-time", `${Math.floor(Date.now() / 1000) + 86_400}!`];
    await gpg(...faked, "--verify", paths.signature, paths.tarball);
  });
});

/** Some directories and files, as a tree has them. */
async function writeTree(root: string): Promise<void> {
  await mkdir(join(root, "metadata"), { recursive: true });
  await writeFile(join(root, "metadata", "timestamp.x"), `${Math.floor(Date.now() / 1000)}\n`);
  for (let at = 0; at < FILES; at += 1) {
    await mkdir(join(root, `app-${at % 10}`), { recursive: true });
    await writeFile(join(root, `app-${at % 10}`, `package-${at}.ebuild`), `EAPI=8\n# ${Math.random()}\n`);
  }
}
