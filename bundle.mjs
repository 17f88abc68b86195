// Makes the program as it is installed: `dist/main.js`, and a file for each part that is loaded only when it is needed. A
// start from one file for each module takes twice as long.
//
//   node bundle.mjs
import { build } from "rolldown";

/** Packages that come in hundreds of small files, too. The others stay as npm installs them. */
const BUNDLED = ["commander", "smol-toml", "zod"];

await build({
  input: { main: "src/main.ts", "hash-worker": "src/store/hash-worker.js" }, // the file of a thread stands by itself
  platform: "node",
  external: (id) => !/^[./]/.test(id) && !BUNDLED.includes(id.split("/")[0]),
  output: { dir: "dist", cleanDir: true },
});
