import { messageOf, systemCode } from "../core/errors.ts";
import { readRegularText } from "../core/fs/regular-file.ts";
import { formatSize } from "../core/text/units.ts";
import { parseManifest, type DamagedLine, type ParsedManifest } from "./parse.ts";
import { manifestOf, type FoundManifest } from "./scan.ts";

/** Bytes; the largest real Manifests have 2 MB. */
const MAX_MANIFEST_SIZE = 16 * 2 ** 20;

/** Reads a Manifest that a scan found; undefined when it is gone by now, the damage when it cannot be read. */
export async function readManifest({ dir, size }: FoundManifest): Promise<ParsedManifest | DamagedLine | undefined> {
  if (size > MAX_MANIFEST_SIZE) return unreadable(`too large for a Manifest: ${formatSize(size)}`);
  try {
    return parseManifest(await readRegularText(manifestOf(dir)));
  } catch (error) {
    return systemCode(error) === "ENOENT" ? undefined : unreadable(messageOf(error));
  }
}

function unreadable(reason: string): DamagedLine {
  return { line: 0, reason, text: "" };
}
