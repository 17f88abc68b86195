import { createRequire } from "node:module";

interface PackageJson {
  readonly version: string;
  readonly engines: { readonly node: string };
}

const { version, engines } = createRequire(import.meta.url)("distswarm/package.json") as PackageJson;

/** The version of this distswarm, from its package.json. */
export const VERSION = version;

/** The oldest Node that runs it, as `20.19`, from its package.json. */
export const OLDEST_NODE = engines.node.replace(">=", "");
