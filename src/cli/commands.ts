import type { Command } from "./command.ts";

const JSON_VALUE = "print it as JSON";
const JSON_EVENTS = "print each event as a line of JSON";

const SNAPSHOT_GROUP = "The signed snapshots of the Portage tree: list those that are kept, pull one.";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  {
    name: "agent",
    summary: "Run the agent in the foreground until Ctrl-C or SIGTERM.",
    options: { "--check": "only read the config and Portage's own files, and say what is wrong with them" },
    example: "distswarm agent --config /etc/distswarm.toml",
    load: () => import("./agent.ts"),
  },
  {
    name: "status",
    summary: "Say whether it works, what came from where, and what needs mending.",
    options: { "--watch": "go on showing it until Ctrl-C; with --json a line each second" },
    json: JSON_VALUE,
    example: "distswarm status --json | jq .served",
    load: () => import("./status.ts"),
  },
  {
    name: "peers",
    summary: "Show the other boxes: what each holds, what was got from it and given to it, and what is wrong with it.",
    json: JSON_VALUE,
    example: "distswarm peers",
    load: () => import("./peers.ts"),
  },
  {
    name: "invite",
    summary: "Print the network key and the one command for the other boxes.",
    json: JSON_VALUE,
    example: "distswarm invite",
    load: () => import("./invite.ts"),
  },
  {
    name: "join",
    arguments: "<key>",
    summary: "Put this box into the network of a key; - reads it from stdin. A running agent changes at once.",
    example: "distswarm join - < network.key",
    load: () => import("./join.ts"),
  },
  {
    name: "mirrors",
    summary: "Show what downloads have taught about each mirror: its layout, speed and failures.",
    json: JSON_VALUE,
    example: "distswarm mirrors",
    load: () => import("./mirrors.ts"),
  },
  {
    name: "explain",
    arguments: "<name|url|digest>",
    summary: "Say what a name, URL or digest is, where it is, and where it would come from.",
    json: JSON_VALUE,
    example: "distswarm explain hello-2.12.tar.gz",
    load: () => import("./explain.ts"),
  },
  {
    name: "fetch",
    arguments: "<names...>",
    summary: "Get files into the store: names, digests, URLs; - reads them, or what emerge -fp prints, from stdin.",
    json: JSON_EVENTS,
    example: "emerge -fp @world 2>&1 | distswarm fetch -",
    load: () => import("./fetch.ts"),
  },
  {
    name: "import",
    arguments: "[dir]",
    summary:
      "Take in the distfiles of a directory (default: DISTDIR), or of a mirror's tree, that some Manifest knows; " +
      "exits with 1 when one is wrong, cannot be read or finds no room.",
    json: JSON_EVENTS,
    example: "distswarm import /mnt/backup/distfiles",
    load: () => import("./import.ts"),
  },
  {
    name: "fsck",
    summary: "Hash every blob again and name those that are damaged.",
    options: { "--repair": "drop what is damaged and get it anew" },
    json: JSON_EVENTS,
    example: "distswarm fsck --repair",
    load: () => import("./fsck.ts"),
  },
  {
    name: "gc",
    summary: "Evict what goes beyond the store's limits, now.",
    options: { "--dry-run": "only say what would go, and why" },
    json: JSON_EVENTS,
    example: "distswarm gc --dry-run",
    load: () => import("./gc.ts"),
  },
  {
    name: "snapshot list",
    group: SNAPSHOT_GROUP,
    summary: "Show the tree snapshots that are kept, who signed them and when, and which peers have them.",
    json: JSON_VALUE,
    example: "distswarm snapshot list",
    load: () => import("./snapshot-list.ts"),
  },
  {
    name: "snapshot pull",
    group: SNAPSHOT_GROUP,
    arguments: "[date]",
    summary: "Get and verify the tree snapshot of a date (YYYYMMDD), or the newest, from peers or else a mirror.",
    json: JSON_VALUE,
    example: "distswarm snapshot pull 20261120",
    load: () => import("./snapshot-pull.ts"),
  },
  {
    name: "doctor",
    summary: "Check each thing that goes wrong in the field, and say how to mend it; exits with 1 when one fails.",
    json: JSON_VALUE,
    example: "distswarm doctor",
    load: () => import("./doctor.ts"),
  },
  {
    name: "setup",
    summary:
      "Point Portage at the agent: show the changes in make.conf, /etc/portage/mirrors and repos.conf, " +
      "make them, or take them back.",
    options: {
      "--webrsync": "also sync the tree by signed snapshots, which boxes pass on to one another",
      "--write": "make the changes; what else stands in the files is kept",
      "--undo": "give back what was there, byte for byte",
    },
    example: "distswarm setup --write",
    load: () => import("./setup.ts"),
  },
];
