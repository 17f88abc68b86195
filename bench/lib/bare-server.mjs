// The least that an agent could be: a Node HTTP server that has loaded the same native parts. Its database is at argv[2].
import { createServer } from "node:http";
import "hyperdht";
import { Level } from "level";

await new Level(process.argv[2]).open();
const server = createServer((_, response) => response.end("ok"));
server.listen(0, "127.0.0.1", () => console.log(`ready: http://127.0.0.1:${server.address().port}`));
