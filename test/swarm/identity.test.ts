import { X509Certificate, createPrivateKey } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { idOfKey, identityFromSeed, loadIdentity } from "../../src/swarm/identity.ts";

describe("identity", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "distswarm-identity-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("is made at the first start, readable by its user alone, and stays the same", async () => {
    const first = await loadIdentity(join(dir, "state"));
    const second = await loadIdentity(join(dir, "state"));
    expect(second.id).toBe(first.id);
    expect(first.id).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(join(dir, "state", "identity.key"))).mode & 0o777).toBe(0o600);
  });

  it("is the same key in Hyperswarm and in the certificate", async () => {
    const { id, keyPair, tls } = await loadIdentity(dir);
    expect(keyPair.publicKey.toString("hex")).toBe(id);
    expect(keyPair.secretKey).toHaveLength(64);
    const certificate = new X509Certificate(tls.cert);
    expect(idOfKey(certificate.publicKey)).toBe(id);
    expect(certificate.checkPrivateKey(createPrivateKey(tls.key))).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  });

  it("derives the public key as RFC 8032 says (7.1, test 1)", async () => {
    const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
    expect((await identityFromSeed(seed)).id).toBe("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  });

  it("refuses a key file of another size, and leaves it as it is", async () => {
    await writeFile(join(dir, "identity.key"), "short");
    await expect(loadIdentity(dir)).rejects.toMatchObject({
      code: "IDENTITY_UNUSABLE",
      message: /5 bytes instead of 32/,
    });
    expect(await readFile(join(dir, "identity.key"), "utf8")).toBe("short");
  });

  it("names the file when it cannot be made", async () => {
    await writeFile(join(dir, "file"), "");
    await chmod(join(dir, "file"), 0o600);
    await expect(loadIdentity(join(dir, "file"))).rejects.toMatchObject({
      code: "IDENTITY_UNUSABLE",
      message: expect.stringContaining("identity.key"),
    });
  });
});
