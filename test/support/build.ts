import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll } from "vitest";

const PROJECT = join(import.meta.dirname, "../..");

/** What was compiled into a directory of its own, so that a test never runs yesterday's build. */
export interface Build {
  /** Where it lies; the package's files are one above, as they are when it is installed. */
  readonly dir: string;
  remove(): Promise<void>;
}

/** Compiles the program: `main.js` is in the directory. */
export async function build(): Promise<Build> {
  return compiled((dir) => ["-p", join(PROJECT, "tsconfig.build.json"), "--tsBuildInfoFile", join(dir, "info")]);
}

/** Compiles a file of the tests (its path in the project) with all that it imports: each lies where its source does. */
export async function buildFile(file: string): Promise<Build> {
  const settings = "--ignoreConfig --module nodenext --target es2023 --types node --rewriteRelativeImportExtensions";
  return compiled(() => [...settings.split(" "), "--rootDir", PROJECT, join(PROJECT, file)]);
}

async function compiled(options: (dir: string) => string[]): Promise<Build> {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-build-"));
  const dist = join(dir, "dist");
  const remove = (): Promise<void> => rm(dir, { recursive: true });
  const tsc = join(PROJECT, "node_modules/.bin/tsc");
  try {
    await copyFile(join(PROJECT, "package.json"), join(dir, "package.json"));
    await symlink(join(PROJECT, "node_modules"), join(dir, "node_modules"));
    // the types are `npm run check`'s
    await promisify(execFile)(tsc, [...options(dir), "--outDir", dist, "--noCheck"], { cwd: PROJECT });
  } catch (error) {
    await remove();
    throw error;
  }
  return { dir: dist, remove };
}

/** Builds once for all tests of a file or a `describe`; called in its body. @default {@link build} */
export function buildForAll(make: () => Promise<Build> = build): Pick<Build, "dir"> {
  let built: Build | undefined;
  beforeAll(async () => {
    built = await make();
  });
  afterAll(() => built?.remove());
  return {
    get dir() {
      return built!.dir;
    },
  };
}
