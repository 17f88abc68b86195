// A bed to measure in: directories, distfiles with their Manifest, an agent, and nginx beside it. All on loopback.
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync, closeSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const CHUNK = 2 ** 20;
/** USER_HZ: what /proc counts CPU time in, on every Linux that Gentoo knows. */
const CLOCK_TICKS = 100;

/** Makes a directory that `use` may fill; it is removed afterwards, and what was started in it is ended. */
export async function withBed(use) {
  const dir = mkdtempSync(join(tmpdir(), "distswarm-bench-"));
  const children = [];
  const bed = { dir, children, mirror: join(dir, "mirror") };
  try {
    mkdirSync(join(bed.mirror, "distfiles"), { recursive: true });
    writeFileSync(join(bed.mirror, "distfiles", "layout.conf"), "[structure]\n0=filename-hash BLAKE2B 8\n");
    return await Promise.race([use(bed), interrupted()]);
  } finally {
    for (const child of children.toReversed()) await end(child);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Rejects when somebody stops the script, so that it clears up. */
function interrupted() {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => reject(new Error(signal)));
  });
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

/** A distfile of random bytes below the mirror, in the filename-hash layout. */
export function makeDistfile(bed, name, size) {
  const directory = join(bed.mirror, "distfiles", createHash("blake2b512").update(name).digest("hex").slice(0, 2));
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  const file = openSync(path, "w");
  const hash = createHash("blake2b512");
  for (let left = size; left > 0; left -= CHUNK) {
    const bytes = randomBytes(Math.min(left, CHUNK));
    hash.update(bytes);
    writeSync(file, bytes);
  }
  closeSync(file);
  const digest = hash.digest("hex");
  return {
    name,
    size,
    digest,
    path,
    byDigest: `/distfiles/${digest.slice(0, 2)}/${digest}`,
    byName: path.slice(bed.mirror.length),
  };
}

/** A repository whose one package names these distfiles. */
export function makeRepository(bed, distfiles) {
  const repo = join(bed.dir, "repo");
  addPackage(repo, "bench", distfiles);
  return repo;
}

/** Adds a package that names these distfiles to a repository. */
export function addPackage(repo, name, distfiles) {
  const directory = join(repo, "app-misc", name);
  mkdirSync(directory, { recursive: true });
  const lines = distfiles.map((file) => `DIST ${file.name} ${file.size} BLAKE2B ${file.digest}\n`);
  writeFileSync(join(directory, "Manifest"), lines.join(""));
}

/** Gives a package an ebuild that needs these distfiles, one after another, as `egencache` would tell of it. */
export function addEbuild(repo, name, distfiles) {
  const cache = join(repo, "metadata", "md5-cache", "app-misc");
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(repo, "app-misc", name, `${name}-1.ebuild`), "");
  const uris = distfiles.map((file) => `https://crates.invalid/${file.name}/download -> ${file.name}`);
  writeFileSync(join(cache, `${name}-1`), `EAPI=8\nSRC_URI=${uris.join(" ")}\n`);
}

/**
 * Starts the agent as people run it; `{url, pid}`. `netns` puts it into a network namespace; `main` is its program, where
 * it is not that of this build.
 */
export async function startAgent(
  bed,
  { repos, mirrors, listen = "127.0.0.1:0", netns, networkKey, swarm, more = "", main = MAIN },
) {
  const id = bed.children.length;
  const config = join(bed.dir, `agent-${id}.toml`);
  if (networkKey !== undefined) {
    mkdirSync(join(bed.dir, `state-${id}`));
    writeFileSync(join(bed.dir, `state-${id}`, "network.key"), `${networkKey}\n`, { mode: 0o600 });
  }
  const text = (values) => JSON.stringify(values);
  writeFileSync(
    config,
    `state_dir = "${bed.dir}/state-${id}"
[proxy]
listen = ${text([listen])}
[store]
dir = "${bed.dir}/store-${id}"
min_free = "0B"
[swarm]
${swarm ?? (await toItself())}
[portage]
repos = ${text(repos)}
distdir = ""
[upstream]
mirrors = ${text(mirrors)}
${more}`,
  );
  const child = spawnIn(netns, process.execPath, [main, "agent", "--config", config]);
  bed.children.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /ready: .* (http:\/\/\S+)/.exec(line) ?? [];
    if (url !== undefined) {
      child.stdout.resume();
      return { url, pid: child.pid, child, config, store: `${bed.dir}/store-${id}` };
    }
  }
  throw new Error("the agent ended before it was ready");
}

/** The settings of a swarm that keeps to itself. */
async function toItself() {
  return `listen = "127.0.0.1:${await freePort()}"\nnetworks = ["127.0.0.0/8"]\nmulticast = false`;
}

/** Runs a command of the agent, and gives what it printed. */
export function distswarm({ config }, args, { netns } = {}) {
  const command = [process.execPath, MAIN, ...args, "--config", config];
  return run(netns, command);
}

/** Runs a program to its end, and gives what it printed. */
export function run(netns, [program, ...args]) {
  const command = netns === undefined ? [program, ...args] : ["ip", "netns", "exec", netns, program, ...args];
  return execFileSync(command[0], command.slice(1), { encoding: "utf8", maxBuffer: 2 ** 24 });
}

/** CPU seconds that a process has used, with those of children that it waited for. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  const ticks = fields.slice(11, 15).map(Number); // utime, stime, cutime, cstime: proc(5)
  return ticks.reduce((sum, count) => sum + count, 0) / CLOCK_TICKS;
}

/** Starts a program, in a network namespace where one is named; its standard output is piped. */
export function spawnIn(netns, command, args) {
  const stdio = ["ignore", "pipe", "inherit"];
  return netns === undefined
    ? spawn(command, args, { stdio })
    : spawn("ip", ["netns", "exec", netns, command, ...args], { stdio });
}

/** Starts nginx with this server block in place of SERVER; `{url, pid}`. */
export async function startNginx(bed, server, { host = "127.0.0.1", netns, http = "" } = {}) {
  const id = bed.children.length;
  const dir = join(bed.dir, `nginx-${id}`);
  mkdirSync(dir);
  const port = netns === undefined ? await freePort() : 8080;
  writeFileSync(
    join(dir, "nginx.conf"),
    `daemon off; user root; worker_processes 2; pid ${dir}/pid; error_log ${dir}/error.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_timeout 60;
  client_body_temp_path ${dir}/t1; proxy_temp_path ${dir}/t2; fastcgi_temp_path ${dir}/t3;
  uwsgi_temp_path ${dir}/t4; scgi_temp_path ${dir}/t5;
  ${http.replaceAll("DIR", dir)}
  server { listen ${host}:${port}; ${server.replaceAll("DIR", dir)} }
}
`,
  );
  bed.children.push(spawnIn(netns, "nginx", ["-c", join(dir, "nginx.conf"), "-e", join(dir, "error.log")]));
  if (netns === undefined) await listening(port);
  else await delay(500);
  return { url: `http://${host}:${port}` };
}

/** A TCP port of loopback that nobody has now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function listening(port) {
  for (let tries = 0; tries < 250; tries += 1) {
    const socket = connect(port, "127.0.0.1");
    const open = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await delay(20);
  }
  throw new Error(`nothing listens on ${port}`);
}

/** Runs curl and gives what `-w` printed, a line each. */
export function curl(args, { netns } = {}) {
  return run(netns, ["curl", "-sS", ...args])
    .trim()
    .split("\n");
}

/** Asks for all URLs at the same moment: of each answer the time that `format` names, in ms. Throws when one fails. */
export function curlAtOnce(urls, format) {
  const targets = urls.flatMap((url) => ["-o", "/dev/null", url]);
  const parallel = ["-Z", "--no-progress-meter", "--parallel-immediate", "--parallel-max", String(urls.length)];
  const times = curl(["-f", ...parallel, "-w", `${format}\n`, ...targets]);
  if (times.length !== urls.length) throw new Error("an answer is missing");
  return times.map((seconds) => 1000 * Number(seconds));
}

/** Seconds that curl takes for a whole file. */
export function curlSeconds(url, options) {
  return Number(curl(["-f", "-o", "/dev/null", "-w", "%{time_total}", url], options)[0]);
}

/** Until the blob is in the agent's store: commits end after their clients. */
export async function stored(url, byDigest) {
  for (let tries = 0; tries < 500; tries += 1) {
    const [status] = curl(["-o", "/dev/null", "-r", "0-0", "-w", "%header{cache-status}", url + byDigest]);
    if (status.includes("hit")) return;
    await delay(20);
  }
  throw new Error("it does not get into the store");
}

/** Memory of a process. */
export function rssMiB(pid) {
  const kib = execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" });
  return Number(kib) / 1024;
}

/** What a process has had written to disks. */
export function writtenKiB(pid) {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))[1]) / 1024;
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Prints one row: what, ours, the other's, the ratio and its bound. */
export function row(what, ours, theirs, ratio, bound, unit) {
  const good =
    bound === undefined
      ? ""
      : (bound.least === undefined ? ratio <= bound.most : ratio >= bound.least)
        ? "held"
        : "MISSED";
  const limit = bound === undefined ? "" : bound.least === undefined ? `<= ${bound.most}` : `>= ${bound.least}`;
  const number = (value) => (value === undefined ? "" : value.toFixed(value < 10 ? 3 : 1)).padStart(9);
  const times = ratio === undefined ? "" : ratio.toFixed(2).padStart(6);
  console.log(`${what.padEnd(48)} ${number(ours)} ${number(theirs)} ${unit.padEnd(5)} ${times}  ${limit} ${good}`);
}
