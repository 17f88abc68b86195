import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { tempDir } from "../support/temp-dir.ts";

/** A temporary root directory with these files (path -> text), gone when the test ends. */
export async function rootWith(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await tempDir();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}
