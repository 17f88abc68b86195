// Uses each part that the sandbox of the unit might forbid: what it prints last is what came of it.
import { watch } from "node:fs";
import { networkInterfaces } from "node:os";
import { createRequire } from "node:module";

const require = createRequire("/opt/distswarm/package.json");
const DHT = require("hyperdht");
const multicastDns = require("multicast-dns");
const { Level } = require("level");

const node = DHT.bootstrapper(8481, "127.0.0.1", { host: "0.0.0.0" });
await node.ready();
const db = new Level("/var/lib/distswarm/native");
await db.put("key", "value");
const mdns = multicastDns({ interface: "127.0.0.1", bind: "0.0.0.0", loopback: true });
await new Promise((resolve, reject) => mdns.on("ready", resolve).on("error", reject));
watch("/var/cache/distswarm").close();
const [first] = Object.keys(networkInterfaces());
console.log(
  `swarm on UDP ${node.address().port}, database ${await db.get("key")}, multicast, inotify, interface ${first}`,
);
await Promise.all([node.destroy(), db.close(), new Promise((resolve) => mdns.destroy(resolve))]);
