import { messageOf, systemCode } from "../core/errors.ts";
import { readRepositoryFile } from "../core/fs/repository-file.ts";
import { parseManifest, type DamagedLine, type ParsedManifest } from "./parse.ts";
import { manifestOf, type FoundManifest } from "./scan.ts";

/** `DIST` lines of one Manifest; the largest real ones have some 10,000. As many as its size allows would take a minute. */
const MAX_LINES = 50_000;

/** Reads a Manifest that a scan found; undefined when it is gone by now, the damage when it cannot be read. */
export async function readManifest({ dir }: FoundManifest): Promise<ParsedManifest | DamagedLine | undefined> {
  try {
    const manifest = parseManifest(await readRepositoryFile(manifestOf(dir)));
    return manifest.dist.length > MAX_LINES ? unreadable(`more than ${MAX_LINES} DIST lines`) : manifest;
  } catch (error) {
    return systemCode(error) === "ENOENT" ? undefined : unreadable(messageOf(error));
  }
}

function unreadable(reason: string): DamagedLine {
  return { line: 0, reason, text: "" };
}
