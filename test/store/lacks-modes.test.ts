import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { OpenFile } from "../../src/store/open-file.ts";
import { named } from "../support/skipped.ts";
import { tempDir } from "../support/temp-dir.ts";
import { unprivileged } from "../support/unprivileged.ts";

const notRoot = process.getuid?.() === 0 ? undefined : "it takes root to have a file whose mode one cannot set";

test.skipIf(notRoot !== undefined)(
  named("a mode that cannot be set, as on FAT, is passed over where everybody may read all the same", notRoot),
  async () => {
    const path = join(await tempDir(), "blob");
    await writeFile(path, "", { mode: 0o644 });
    const file = OpenFile.open(path, "read");
    await unprivileged(async () => {
      expect(() => file.chmod(0o644)).not.toThrow();
      expect(() => file.chmod(0o444)).not.toThrow();
      expect(() => file.chmod(0o755)).toThrow("EPERM");
    });
    file.close();
  },
);
