import { z } from "zod";
import { option, section } from "./config/option.ts";
import * as value from "./config/values.ts";
import { LOG_LEVELS } from "./core/log-level.ts";

/**
 * The config file: each option once, with its type, default and sentence. What is read here is checked and in the
 * units that the agent uses: sizes in bytes, durations in milliseconds, `""` for none as null.
 */
export const configSchema = z.strictObject({
  state_dir: option(
    value.path,
    "/var/lib/distswarm",
    "Keys, database and sockets of the agent (as an ordinary user: $XDG_STATE_HOME/distswarm).",
  ),
  proxy: section("The doors: how Portage on this box gets at the agent.", {
    listen: option(value.distinct(value.listenAddress), ["127.0.0.1:8480", "[::1]:8480"], "Where the doors listen."),
    allow: option(value.listOf(value.subnet), ["127.0.0.0/8", "::1/128"], "Who may use the doors."),
    connect_ports: option(value.listOf(value.port), [443], "Ports to which the proxy opens CONNECT tunnels."),
    verify_first: option(value.size, "16MiB", "Upstream bytes up to this size wait for the digest."),
  }),
  store: section("The verified blobs on this box.", {
    dir: option(
      value.path,
      "/var/cache/distswarm",
      "Where the store lies (as an ordinary user: $XDG_CACHE_HOME/distswarm).",
    ),
    max_size: option(value.sizeAboveZero, "50GiB", "The least recently used blobs are evicted above this size."),
    min_free: option(value.size, "2GiB", "Blobs are also evicted to keep this much of the file system free."),
  }),
  portage: section("What the agent reads of Portage.", {
    repos: option(
      value.listOf(value.path),
      ["/var/db/repos/gentoo"],
      "Ebuild repositories whose Manifests are indexed (default: read from repos.conf).",
    ),
    distdir: option(
      value.orNone(value.path),
      "/var/cache/distfiles",
      'Directory whose distfiles are shared where they lie, "" for none (default: what Portage has, none without Portage).',
    ),
  }),
  upstream: section("Mirrors and SRC_URI hosts.", {
    mirrors: option(
      value.listOf(value.mirror),
      ["http://distfiles.gentoo.org"],
      "Mirrors, best first (default: GENTOO_MIRRORS less this agent, and this one if nothing is left).",
    ),
    custom_mirrors: option(
      value.listOf(value.customMirrors),
      [],
      'Lines of /etc/portage/mirrors: "local" is asked first and for every file, other names for mirror:// ' +
        "(default: that file less this agent).",
    ),
    proxy: option(value.orNone(value.httpUrl), "", 'A proxy that the agent itself must use, "" for none.'),
    no_proxy: option(
      value.listOf(value.proxyException),
      [],
      'Hosts, domains and addresses, each also with a port, and subnets that are reached without that proxy; "*" is all.',
    ),
    header_timeout: option(value.duration, "10s", "A server that has sent no headers by then is left for the next."),
    stall_timeout: option(value.duration, "30s", "A server that is silent this long in a body is left for the next."),
    transfers: option(value.integer(1, 1000), 8, "Upstream transfers at once; more wait their turn."),
    finish_up_to: option(
      value.size,
      "1GiB",
      "A download that all its clients left goes on if at most this much is missing; else it stops and resumes later.",
    ),
  }),
  swarm: section("The other boxes.", {
    listen: option(value.listenAddress, "0.0.0.0:8481", "Where other boxes reach this one (UDP: swarm, TCP: blobs)."),
    peers: option(value.listOf(value.remoteAddress), [], "Boxes to start from where multicast does not reach."),
    networks: option(
      value.listOf(value.subnet),
      [],
      "Subnets in which boxes are looked for and let in (empty: private subnets on physical links).",
    ),
    deny: option(value.listOf(value.peerId), [], "Ids of boxes that are shut out though they hold the network key."),
    multicast: option(value.boolean, true, "Look for boxes by mDNS."),
  }),
  peer: section("Blobs from other boxes.", {
    verify_first: option(value.size, "256MiB", "Bytes from peers up to this size wait for the digest."),
  }),
  snapshot: section("Tree snapshots.", {
    replicate: option(value.boolean, true, "Pull newer snapshots that other boxes announce."),
    replicate_rate: option(value.rate, "16MiB/s", "How fast newer snapshots are pulled while nobody waits for them."),
    poll: option(value.boolean, false, "Take turns with the other boxes in looking for the new day's snapshot."),
    keep: option(value.integer(1, 100), 2, "How many are kept, the newest."),
    keyring: option(
      value.path,
      "/usr/share/openpgp-keys/gentoo-release.asc",
      "The keys that a snapshot's signature is held against.",
    ),
  }),
  log: section("The log.", {
    level: option(value.oneOf(LOG_LEVELS), "info", `How much is logged: ${LOG_LEVELS.join(", ")}.`),
  }),
});

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** The config as the agent reads it: checked, complete, same names as in the file. Bytes, milliseconds. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;
