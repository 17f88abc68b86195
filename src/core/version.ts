import { readFileSync } from "node:fs";

const packageFile = new URL("../../package.json", import.meta.url);

/** The version of this distswarm, from its package.json. */
export const VERSION = (JSON.parse(readFileSync(packageFile, "utf8")) as { version: string }).version;
