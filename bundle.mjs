// Makes the program as it is installed: `dist/main.js`, a file for the agent, one for each other command, and those for what
// several of them share. A start from one file for each module takes twice as long. The names of the files change with what
// is in them, so what a running agent loads late must be a package: an upgrade takes the files of the old version away
// (test/service/upgrade.test.ts).
//
//   node bundle.mjs
import { cpSync, mkdirSync } from "node:fs";
import { build } from "rolldown";

/**
 * Packages that go into the bundle: they come in hundreds of small files, or (msgpackr) would bring a part that npm compiles
 * where it was packed on another platform. They are devDependencies; the others are bundled as npm installs them.
 */
const BUNDLED = ["commander", "msgpackr", "smol-toml", "zod"];

await build({
  input: { main: "src/main.ts", "hash-worker": "src/store/hash-worker.js" }, // the file of a thread stands by itself
  platform: "node",
  external: (id) => !/^[./]/.test(id) && !BUNDLED.includes(id.split("/")[0]),
  output: { dir: "dist", cleanDir: true },
});

mkdirSync("dist/licences");
for (const name of BUNDLED) cpSync(`node_modules/${name}/LICENSE`, `dist/licences/${name}`);
