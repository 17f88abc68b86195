/**
 * Meets the limit of open files beside an open database, and then as it opens it: `node crowded-child.js DIR`. Prints what
 * came of each.
 */
import { closeSync, openSync } from "node:fs";
import { isDatabaseDamage, openDatabase } from "../../../src/core/database.ts";
import { silentLogger } from "../../../src/core/logger.ts";

const [dir = ""] = process.argv.slice(2);

function takeAllFiles(): number[] {
  const files: number[] = [];
  try {
    for (;;) files.push(openSync("/dev/null", "r"));
  } catch {
    return files;
  }
}

const db = await openDatabase(dir, silentLogger);
const files = takeAllFiles();
const met: unknown = await db.get("key").catch((error: unknown) => error);
for (const file of files) closeSync(file);
const later = await db.get("key");
await db.close();
const others = takeAllFiles();
const refused: unknown = await openDatabase(dir, silentLogger).catch((error: unknown) => error);
for (const file of others) closeSync(file);
console.log(JSON.stringify({ met: String(met), isDamage: isDatabaseDamage(met), later, refused: String(refused) }));
