// The central caches that an administrator could put on one host instead: reverse proxies before the mirror, each set up
// so that requests for the same file are one request to the mirror, as far as the program can.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run, spawnIn, startNginx } from "./bed.mjs";

const SQUID_PORT = 3128;
const APACHE_PORT = 8081;
/** Where Debian's apache2 has its modules. */
const APACHE_MODULES = "/usr/lib/apache2/modules";
/** Neither serves as root. */
const SQUID_USER = "proxy";
const APACHE_USER = "www-data";
const READY_TRIES = 250;

/** The caches: what they are called in the table, the program, and how one is started before a mirror on a host. */
const CACHES = [
  { name: "nginx proxy_cache, lock", program: "nginx", start: startNginxCache },
  { name: "Squid, collapsed forwarding", program: "squid", start: startSquid },
  { name: "Apache mod_cache_disk", program: "apache2", start: startApache },
];

/** The caches whose programs are here; says which one is not. */
export function cachesHere() {
  return CACHES.filter(({ name, program }) => {
    const isHere = execFileSync("sh", ["-c", `command -v ${program} || true`]).length > 0;
    if (!isHere) console.log(`${name}: left out, there is no program ${program}`);
    return isHere;
  });
}

async function startNginxCache(bed, host, mirror) {
  return startNginx(
    bed,
    `location / { proxy_pass ${mirror.url}; proxy_cache files; proxy_cache_lock on;
       proxy_cache_lock_timeout 5m; proxy_cache_lock_age 5m; proxy_http_version 1.1; proxy_set_header Connection ""; }`,
    {
      host: host.address,
      netns: host.netns,
      http: "proxy_cache_path DIR/cache keys_zone=files:10m max_size=20g use_temp_path=off; proxy_max_temp_file_size 4096m;",
    },
  );
}

async function startSquid(bed, host, mirror) {
  const dir = directory(bed, "squid");
  const conf = join(dir, "squid.conf");
  const { hostname, port } = new URL(mirror.url);
  writeFileSync(
    conf,
    `http_port ${SQUID_PORT} accel defaultsite=${hostname} no-vhost
cache_peer ${hostname} parent ${port} 0 no-query no-digest originserver
collapsed_forwarding on
http_access allow all
maximum_object_size 2 GB
cache_dir aufs ${dir}/cache 20000 16 256
cache_effective_user ${SQUID_USER}
visible_hostname cache
pid_filename ${dir}/pid
cache_log ${dir}/cache.log
access_log none
netdb_filename none
pinger_enable off
coredump_dir ${dir}
shutdown_lifetime 0 seconds
`,
  );
  giveTo(SQUID_USER, bed, dir);
  const args = ["-N", "-n", `bench${process.pid}`, "-f", conf]; // its shared memory has the name
  execFileSync("squid", [...args, "-z"], { stdio: "ignore" });
  bed.children.push(spawnIn(host.netns, "squid", args));
  return ready({ url: `http://${host.address}:${SQUID_PORT}` }, host);
}

async function startApache(bed, host, mirror) {
  const dir = directory(bed, "apache");
  mkdirSync(join(dir, "cache"));
  const modules = ["mpm_event", "authz_core", "proxy", "proxy_http", "cache", "cache_disk"];
  const conf = join(dir, "apache.conf");
  writeFileSync(
    conf,
    `${modules.map((name) => `LoadModule ${name}_module ${APACHE_MODULES}/mod_${name}.so`).join("\n")}
ServerRoot ${dir}
ServerName cache
PidFile ${dir}/pid
ErrorLog ${dir}/error.log
DefaultRuntimeDir ${dir}
User ${APACHE_USER}
Group ${APACHE_USER}
Listen ${host.address}:${APACHE_PORT}
ProxyPass / ${mirror.url}/
CacheRoot ${dir}/cache
CacheEnable disk /
CacheMaxFileSize 2000000000
CacheLock on
CacheLockPath ${dir}/cache/lock
`,
  );
  giveTo(APACHE_USER, bed, dir);
  bed.children.push(spawnIn(host.netns, "apache2", ["-DFOREGROUND", "-f", conf]));
  return ready({ url: `http://${host.address}:${APACHE_PORT}` }, host);
}

function directory(bed, name) {
  const dir = join(bed.dir, `${name}-${bed.children.length}`);
  mkdirSync(dir);
  return dir;
}

function giveTo(user, bed, dir) {
  chmodSync(bed.dir, 0o711);
  execFileSync("chown", ["-R", user, dir]);
}

/** Resolves when it passes the mirror's answers on. */
async function ready(cache, { netns }) {
  for (let tries = 0; tries < READY_TRIES; tries += 1) {
    const args = ["-s", "-o", "/dev/null", "-w", "%{http_code}", `${cache.url}/distfiles/layout.conf`];
    if (run(netns, ["sh", "-c", `curl "$@" || true`, "sh", ...args]) === "200") return cache;
    await delay(20);
  }
  throw new Error(`${cache.url} does not answer`);
}
