import { randomBytes } from "node:crypto";
import { open, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCode } from "../core/errors.ts";
import { makeDirs } from "../core/make-dirs.ts";

/** Only the agent's own user reads a secret. */
const SECRET_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Reads a secret, or makes it with `create` where there is none. Of two that make it at once, both get the same. */
export async function readOrCreateSecret(path: string, create: () => Buffer): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
  await makeDirs(dirname(path), DIRECTORY_MODE);
  await writeFile(path, create(), { mode: SECRET_MODE, flag: "wx" }).catch((error: unknown) => {
    if (systemCode(error) !== "EEXIST") throw error;
  });
  return readFile(path);
}

/** Puts a secret in the place of another: a crash leaves the old or the new one, whole. */
export async function replaceSecret(path: string, secret: Buffer): Promise<void> {
  await makeDirs(dirname(path), DIRECTORY_MODE);
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  const file = await open(temporary, "wx", SECRET_MODE);
  try {
    await file.writeFile(secret);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
