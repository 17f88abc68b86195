import { expect, test } from "vitest";
import { FetchBoard } from "../../src/cli/fetch-board.ts";
import { parseFetchList } from "../../src/cli/fetch-list.ts";
import { toJournalLine, toPlainLine } from "../../src/cli/log-lines.ts";
import { renderExplanation } from "../../src/cli/render-explain.ts";
import { renderFetchBoard, renderFetchSummary } from "../../src/cli/render-fetch.ts";
import { renderMirrors } from "../../src/cli/render-mirrors.ts";
import { renderToolFile, renderToolProgress, renderToolSummary } from "../../src/cli/render-tool.ts";
import { parseDigest } from "../../src/core/digest.ts";
import type { ExplainedFile } from "../../src/core/report/explanation.ts";

const MIB = 2 ** 20;
const DIGEST = parseDigest("ab".repeat(64));

test("mirrors stand in a table with their speed and their trouble", () => {
  const text = renderMirrors([
    { url: "http://a", layout: "filename-hash", requests: 12, failures: 1, bytes: 3 * MIB, rate: 2 * MIB },
    {
      url: "http://b.example",
      layout: "unknown",
      requests: 1,
      failures: 1,
      bytes: 0,
      problem: "no connection",
      avoided_until: "2026-11-21T06:00:00Z",
    },
  ]);
  expect(text).toBe(
    `\
  http://a          filename-hash  12 requests  1 failure  3.00 MiB  2.00 MiB/s
  http://b.example  unknown          1 request  1 failure       0 B              no connection; asked last until 2026-11-21T06:00:00Z
`,
  );
});

const FILE: ExplainedFile = {
  digest: DIGEST,
  size: 3 * MIB,
  names: ["a.tgz", "b.tgz"],
  packages: ["dev-libs/a"],
  sources: [
    { kind: "peer", source: "h2" },
    { kind: "upstream", source: "http://m/distfiles/ab/a.tgz" },
  ],
  attempts: [
    {
      kind: "upstream",
      source: "http://m/a.tgz",
      at: "2026-11-21T05:00:00Z",
      offset: 0,
      bytes: MIB,
      first_ms: 20,
      ms: 1500,
      outcome: "STALLED",
      detail: "silent for 30 s",
    },
    { kind: "peer", source: "h2", at: "2026-11-21T05:00:31Z", offset: MIB, bytes: 2 * MIB, ms: 90, outcome: "ok" },
  ],
  claims: [
    { at: "2026-11-21T05:00:00Z", event: "claimed" },
    { at: "2026-11-21T05:00:31Z", event: "followed", box: "h2" },
  ],
  why: "no peer had it then",
};

test("explain tells what it is, where it is, who would be asked, and what happened last time", () => {
  const text = renderExplanation({ asked: "a.tgz", kind: "name", meaning: "the distfile a.tgz", files: [FILE] });
  expect(text).toBe(`\
a.tgz
  the distfile a.tgz

  digest    ${DIGEST}
  size      3.00 MiB (3145728 bytes)
  names     a.tgz b.tgz
  packages  dev-libs/a
  where     not on this box
  why       no peer had it then
  it would be asked for, in this order:
    1.  peer      h2
    2.  upstream  http://m/distfiles/ab/a.tgz
  last time:
    2026-11-21T05:00:00Z  http://m/a.tgz  STALLED                   1.00 MiB  answered after 20 ms  1.5 s in all  silent for 30 s
    2026-11-21T05:00:31Z  h2              ok       2.00 MiB from 1.00 MiB on  no answer             90 ms in all
  and with the other boxes:
    2026-11-21T05:00:00Z  this box asks upstream for it
    2026-11-21T05:00:31Z  this box awaits it from h2
`);
});

test("explain says nothing of other boxes where there are none", () => {
  const attempts = FILE.attempts.filter(({ kind }) => kind === "upstream");
  const claims = FILE.claims.filter(({ box }) => box === undefined);
  const file = { ...FILE, attempts, claims, sources: [] };
  const text = renderExplanation({ asked: "a.tgz", kind: "name", meaning: "a distfile", files: [file] });
  expect(text).not.toContain("other boxes");
  const noClaims = { ...FILE, claims: [] };
  expect(renderExplanation({ asked: "a.tgz", kind: "name", meaning: "a distfile", files: [noClaims] })).not.toContain(
    "other boxes",
  );
});

test("explain says of other boxes what they did, though none is a source now, nor was one", () => {
  const attempts = FILE.attempts.filter(({ kind }) => kind === "upstream");
  const file = { ...FILE, attempts, sources: [] };
  const text = renderExplanation({ asked: "a.tgz", kind: "name", meaning: "a distfile", files: [file] });
  expect(text).toContain("  and with the other boxes:\n");
});

test("explain of a file that is here, of one under way, and of a name with two digests", () => {
  const here = { ...FILE, attempts: [], here: { where: "distdir", path: "/d/a.tgz" } } as const;
  const transfer = { digest: DIGEST, name: "a", size: 4, received: 1, seconds: 1, clients: 1 };
  const text = renderExplanation({
    asked: "a",
    kind: "name",
    meaning: "a name",
    files: [here, { ...FILE, sources: [], attempts: [], transfer }],
  });
  expect(text).toContain("\n  2 files have this name\n");
  expect(text).toContain("  where     here, in DISTDIR: /d/a.tgz\n");
  expect(text).toContain("  where     under way: 25 %, waits for a source\n");
  expect(text).toContain("  no source is known now\n");
  expect(text).toContain("  not retrieved since the agent started\n");
  expect(text).not.toContain("last time");
});

test("explain names who is left out, and why, and tries that ended alike in one line", () => {
  const attempts = [{ ...FILE.attempts[0]!, times: 3 }];
  const withheld = ["http://u/a.tgz: its ebuilds forbid to fetch it"];
  const file = { ...FILE, attempts, withheld, without_src_uri: ["/o"] };
  const text = renderExplanation({ asked: "a", kind: "name", meaning: "a name", files: [file] });
  expect(text).toContain("  left out  http://u/a.tgz: its ebuilds forbid to fetch it\n");
  expect(text).toContain("  SRC_URI   not known: /o has no md5-cache\n");
  expect(text).toContain("  STALLED, 3 times  ");
});

test("fetch shows a line for each file under way and one in total", () => {
  const board = new FetchBoard(["a", "b", "c"]);
  board.apply({ event: "started", line: 0, name: "a", size: 4 * MIB });
  board.apply({ event: "started", line: 1, name: "bb", size: MIB });
  board.apply({ event: "progress", line: 0, received: MIB, source: "http://m" });
  board.apply({ event: "started", line: 2, name: "c", size: MIB });
  board.apply({ event: "done", line: 2, bytes: MIB, from: "store" });
  expect(renderFetchBoard(board)).toBe(`\
  a   25 %  of 4.00 MiB  from http://m
  bb   0 %  of 1.00 MiB  waits for a source
1 of 3 files, 2.00 MiB
`);
});

test("fetch counts what it has no room for", () => {
  const board = new FetchBoard(Array.from({ length: 20 }, (_, line) => `f${line}`));
  for (let line = 0; line < 20; line++) board.apply({ event: "started", line, name: `f${line}`, size: 1 });
  expect(renderFetchBoard(board)).toContain("  and 4 more under way\n0 of 20 files, 0 B\n");
});

test("fetch sums up by origin and names each failure", () => {
  const board = new FetchBoard(["a", "b", "c", "d"]);
  board.apply({ event: "done", line: 0, bytes: MIB, from: "upstream" });
  board.apply({ event: "done", line: 1, bytes: MIB, from: "store" });
  board.apply({ event: "done", line: 2, bytes: MIB, from: "upstream" });
  board.apply({ event: "failed", line: 3, name: "d", code: "NOT_FOUND", message: "no Manifest knows it" });
  expect(renderFetchSummary(board)).toBe(`\
3 files: 1 already here (1.00 MiB), 2 from upstream (2.00 MiB)
1 file failed:
  d: no Manifest knows it
`);
  expect(renderFetchSummary(new FetchBoard([]))).toBe("0 files\n");
});

test("a fetch list keeps names, digests and URL lines, and nothing of what else emerge says", () => {
  const list = `
These are the packages that would be fetched, in order:

Calculating dependencies... done!
Working...
[ebuild  N    ] app-misc/hello-2.12  0 KiB
>>> Fetching (1 of 2) app-misc/hello
# a comment
 * a message
http://m.example/distfiles/ab/hello-2.12.tar.gz https://u.example/hello-2.12.tar.gz\u0020
mirror://gnu/hello/hello-2.12.tar.gz
hello+world-1.0~a.tar.gz\r
github.com%2Fa%2F@v%2Fv1.mod
${DIGEST}
!!! trouble
`;
  expect(parseFetchList(list)).toEqual([
    "http://m.example/distfiles/ab/hello-2.12.tar.gz https://u.example/hello-2.12.tar.gz",
    "mirror://gnu/hello/hello-2.12.tar.gz",
    "hello+world-1.0~a.tar.gz",
    "github.com%2Fa%2F@v%2Fv1.mod",
    DIGEST,
  ]);
});

test("import, fsck and gc tell how far they are and what it came to", () => {
  expect(renderToolProgress({ event: "progress", done: 5, total: 20, bytes: MIB, file: "a" })).toBe(
    "5 of 20 (25 %), 1.00 MiB  a",
  );
  expect(renderToolSummary({ event: "summary", counts: { checked: 3, damaged: 0 }, bytes: MIB }, "read")).toBe(
    "3 checked, 0 damaged; 1.00 MiB read",
  );
  expect(
    renderToolSummary({ event: "summary", counts: {}, bytes: 0, idle: "/empty holds no distfile" }, "copied"),
  ).toBe("nothing to do: /empty holds no distfile");
  const left_out = { symlinks: 12, directories: 1 };
  expect(renderToolSummary({ event: "summary", counts: { adopted: 1 }, bytes: MIB, left_out }, "copied")).toBe(
    "1 adopted; 1.00 MiB copied; left out: symlinks (12), directories (1)",
  );
  const blob = { event: "file", file: "/s/blobs/ab/ab", name: "a.tgz", size: MIB, detail: "is missing" } as const;
  expect(renderToolFile({ ...blob, verdict: "damaged" })).toBe("damaged: a.tgz (1.00 MiB): is missing: /s/blobs/ab/ab");
  expect(renderToolFile({ ...blob, verdict: "would-go" })).toMatch(/^would go: a\.tgz/);
});

test("a log record is one plain line, with its time in a file and its priority in the journal", () => {
  const record = JSON.stringify({ level: 40, time: 0, part: "store", msg: "disk\nfull", err: { message: "ENOSPC" } });
  expect(toPlainLine(record)).toBe("1970-01-01T00:00:00.000Z warn  store: disk\nfull: ENOSPC\n");
  expect(toJournalLine(record)).toBe("<4>store: disk full: ENOSPC\n");
  expect(toJournalLine(JSON.stringify({ level: 30, time: 0, msg: "ready" }))).toBe("<6>ready\n");
  const told = JSON.stringify({ level: 40, time: 0, msg: "cannot write (ENOSPC)", err: { message: "ENOSPC" } });
  expect(toJournalLine(told)).toBe("<4>cannot write (ENOSPC)\n"); // the cause is in it
});

test("an error that nobody expected is logged with the place where it was thrown, what was expected without", () => {
  const err = {
    message: "x is no function",
    stack: "TypeError: x is no function\n    at f (a.js:1:2)\n    at b.js:3:4",
  };
  const fault = JSON.stringify({ level: 50, time: 0, msg: "a call failed", err });
  expect(toPlainLine(fault)).toBe(
    "1970-01-01T00:00:00.000Z error a call failed: x is no function\n    at f (a.js:1:2)\n    at b.js:3:4\n",
  );
  expect(toJournalLine(fault)).toBe("<3>a call failed: x is no function at f (a.js:1:2) at b.js:3:4\n");
  expect(toPlainLine(JSON.stringify({ level: 40, time: 0, msg: "a mirror failed", err }))).toMatch(/no function\n$/);
});
