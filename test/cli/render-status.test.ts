import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { renderStatus, renderWatch } from "../../src/cli/render-status.ts";
import { progressBar } from "../../src/cli/render-transfers.ts";
import { run } from "../../src/cli/run.ts";
import { parseDigest } from "../../src/core/digest.ts";
import type { Status } from "../../src/core/report/status.ts";
import type { Traffic } from "../../src/core/report/traffic.ts";
import type { TransferStatus } from "../../src/core/report/transfer-status.ts";
import { SNAPSHOT, STATUS } from "../control/fake-agent.ts";
import { distswarm, runningAgent } from "./cli.ts";

const MIB = 2 ** 20;
const DIGEST = parseDigest("ab".repeat(64));

const traffic = (unit: number): Traffic => ({
  served: {
    store: { requests: 6, bytes: 600 * unit },
    peer: { requests: 3, bytes: 300 * unit },
    upstream: { requests: 1, bytes: 100 * unit },
  },
  uploaded: { requests: 2, bytes: 200 * unit },
  passed: { requests: 4, bytes: 40 * unit },
});

const TRANSFERS: readonly TransferStatus[] = [
  { digest: DIGEST, name: "a.tgz", size: 4 * MIB, received: MIB, source: "h2", kind: "peer", seconds: 2, clients: 2 },
  { digest: DIGEST, name: "long-name.tgz", size: MIB, received: 0, seconds: 0.1, clients: 1 },
];

const STATUS_WITH_HISTORY: Status = { ...STATUS, traffic: { today: traffic(MIB), total: traffic(10 * MIB) } };

test("status says first whether it works, then what came from where, today and in total", () => {
  expect(renderStatus(STATUS_WITH_HISTORY)).toBe(`\
distswarm 0.1.0 on h1, up 2 h 5 min
It works. Portage reaches it at 127.0.0.1:8480.

Given to this box
                      today          in total
  from this box   600.0 MiB  60 %    5.86 GiB  60 %
  from peers      300.0 MiB  30 %    2.93 GiB  30 %
  from upstream   100.0 MiB  10 %  1000.0 MiB  10 %
  saved           900.0 MiB  90 %    8.79 GiB  90 %
  passed through   40.0 MiB         400.0 MiB
  given to peers  200.0 MiB          1.95 GiB

store     12 blobs, 3.00 GiB of 50.0 GiB (6 %) in /var/cache/distswarm
DISTDIR   5 blobs, 1.00 GiB shared from /var/cache/distfiles
index     18249 distfiles in 3000 Manifests of /var/db/repos/gentoo

Peers
  none
`);
});

test("an agent that keeps no count over restarts is shown since its start", () => {
  expect(renderStatus(STATUS)).toContain("  from peers            300.0 MiB  30 %\n");
  expect(renderStatus(STATUS)).toContain("since the start\n");
});

test("status of a busy box with trouble", () => {
  const text = renderStatus({
    ...STATUS,
    swarm: {
      peers: [
        { id: "cd", host: "h2", address: "10.0.0.2:8481", distfiles: 7 },
        { id: "ef", host: "h3", address: "10.0.0.3:8481", distfiles: 0, problem: "TCP port 8481 is closed" },
      ],
    },
    snapshots: [SNAPSHOT],
    transfers: TRANSFERS,
    mirrors: [
      { url: "http://good", layout: "filename-hash", requests: 1, failures: 0, bytes: 5 },
      { url: "http://bad", layout: "flat", requests: 9, failures: 9, bytes: 0, problem: "no connection" },
    ],
    warnings: ["the disk is full: 0 B free in /var/cache"],
  });
  expect(text).toContain("\nIt works, with 1 warning (below). Portage reaches it at 127.0.0.1:8480.\n");
  expect(text.slice(text.indexOf("\nPeers"))).toBe(`
Peers
  h2  10.0.0.2:8481  7 distfiles
  h3  10.0.0.3:8481  0 distfiles  TCP port 8481 is closed

Tree snapshots
  gentoo-20261119  verified

Under way
  a.tgz          [#####---------------]  25 %  of 4.00 MiB  512.0 KiB/s  from h2             2 clients     2 s
  long-name.tgz  [--------------------]   0 %  of 1.00 MiB               waits for a source   1 client  100 ms

Mirrors with trouble
  http://bad  flat  9 requests  9 failures  0 B    no connection

Warnings
  the disk is full: 0 B free in /var/cache
`);
});

test("a transfer that no client waits for is one in the background", () => {
  const text = renderStatus({ ...STATUS, transfers: [{ ...TRANSFERS[0]!, clients: 0 }] });
  expect(text).toMatch(/ from h2 {2}in the background +2 s\n/);
});

test("status of a box without a LAN says why it has no peers", () => {
  const text = renderStatus({
    ...STATUS,
    swarm: { peers: [], addresses: [], unoffered: "this box has no IPv4 address" },
  });
  expect(text).toContain("\nPeers\n  none, and none is looked for: this box has no IPv4 address\n");
});

test("status does not claim to work when no door listens, nor to be ready when the index is not", () => {
  const verdict = (text: string) => text.split("\n")[1];
  expect(verdict(renderStatus({ ...STATUS, proxy: { listen: [] } }))).toBe(
    "It does not work: no door listens, so Portage cannot reach it.",
  );
  expect(verdict(renderStatus({ ...STATUS, index: { ...STATUS.index, ready: false } }))).toBe(
    "It works; the Manifests are still being read. Portage reaches it at 127.0.0.1:8480.",
  );
  expect(
    verdict(renderStatus({ ...STATUS, warnings: ["mind the gap"], index: { ...STATUS.index, ready: false } })),
  ).toBe("It works, with 1 warning (below); the Manifests are still being read. Portage reaches it at 127.0.0.1:8480.");
});

test.for([
  [0, 0, "[--------------------]"],
  [1, 2, "[##########----------]"],
  [99, 100, "[###################-]"],
  [2, 1, "[####################]"],
] as const)("%d of %d is %s", ([part, whole, bar]) => {
  expect(progressBar(part, whole)).toBe(bar);
});

test("a live picture has what changes, and room for it on a terminal", () => {
  const many = Array.from({ length: 50 }, () => TRANSFERS[0]!);
  const picture = renderWatch({ ...STATUS_WITH_HISTORY, transfers: many, warnings: ["mind the gap"] });
  expect(picture).toContain("  and 38 more\n");
  expect(picture).toMatch(/\nWarnings\n {2}mind the gap\n$/);
  expect(renderWatch(STATUS)).toContain("\nUnder way\n  nothing\n");
});

test("--watch draws until it is interrupted, and leaves the last picture", async () => {
  const interruption = new AbortController();
  let looks = 0;
  const agent = await runningAgent({
    status: async () => {
      if (++looks === 2) interruption.abort();
      return { ...STATUS, transfers: [{ ...TRANSFERS[0]!, received: looks * MIB }] };
    },
  });
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 120, rows: 50 });
  const io = {
    stdin: new PassThrough(),
    stdout,
    stderr: stdout,
    env: {},
    interrupted: () => interruption.signal,
    becomesLog: () => {},
  };
  expect(await run(["status", "--watch", ...agent], io)).toBe(0);
  stdout.end();
  const shown = stripVTControlCharacters(await text(stdout));
  expect(shown).toContain("[#####---------------]  25 %");
  expect(shown.slice(shown.lastIndexOf("Under way"))).toContain("[##########----------]  50 %");
});

test("--watch --json prints a line each time; off a terminal without it the way is named", async () => {
  const interruption = new AbortController();
  const agent = await runningAgent();
  const around = { interruption: interruption.signal, onOutput: () => interruption.abort() };
  const { code, out } = await distswarm(["status", "--watch", "--json", ...agent], around);
  expect([code, JSON.parse(out)]).toEqual([0, STATUS]);
  expect(await distswarm(["status", "--watch", ...agent])).toMatchObject({
    code: 2,
    err: "distswarm: status --watch draws on a terminal; programs take --watch --json\n",
  });
});
