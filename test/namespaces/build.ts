import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

/** The project compiled into a directory of its own, so that a test never runs yesterday's build. */
export interface Build {
  /** Where `main.js` lies; the package's files are one above, as they are when it is installed. */
  readonly dir: string;
  remove(): Promise<void>;
}

/** Compiles the sources. */
export async function build(): Promise<Build> {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-build-"));
  const dist = join(dir, "dist");
  await copyFile(join(ROOT, "package.json"), join(dir, "package.json"));
  await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const config = ["-p", join(ROOT, "tsconfig.build.json"), "--outDir", dist, "--tsBuildInfoFile", join(dir, "info")];
  const remove = (): Promise<void> => rm(dir, { recursive: true });
  try {
    await promisify(execFile)(tsc, [...config, "--noCheck"]); // the types are `npm run check`'s
  } catch (error) {
    await remove();
    throw error;
  }
  return { dir: dist, remove };
}

/** {@link build} for all tests of a `describe`; called in its body. */
export function buildForAll(): Pick<Build, "dir"> {
  let built: Build | undefined;
  beforeAll(async () => {
    built = await build();
  });
  afterAll(() => built?.remove());
  return {
    get dir() {
      return built!.dir;
    },
  };
}
