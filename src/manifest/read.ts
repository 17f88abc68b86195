import { messageOf, systemCode } from "../core/errors.ts";
import { readRepositoryFile } from "../core/fs/repository-file.ts";
import { parseManifest, type DamagedLine, type ParsedManifest } from "./parse.ts";
import { manifestOf, type FoundManifest } from "./scan.ts";

/** Reads a Manifest that a scan found; undefined when it is gone by now, the damage when it cannot be read. */
export async function readManifest({ dir }: FoundManifest): Promise<ParsedManifest | DamagedLine | undefined> {
  try {
    return parseManifest(await readRepositoryFile(manifestOf(dir)));
  } catch (error) {
    return systemCode(error) === "ENOENT" ? undefined : unreadable(messageOf(error));
  }
}

function unreadable(reason: string): DamagedLine {
  return { line: 0, reason, text: "" };
}
