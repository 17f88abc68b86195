import { createRequire } from "node:module";

const { version } = createRequire(import.meta.url)("distswarm/package.json") as { version: string };

/** The version of this distswarm, from its package.json. */
export const VERSION = version;
