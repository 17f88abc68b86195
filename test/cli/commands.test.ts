import { once } from "node:events";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { DistswarmError } from "../../src/core/errors.ts";
import type { FetchEvent } from "../../src/core/report/fetch-event.ts";
import type { MirrorStatus } from "../../src/core/report/mirror-status.ts";
import type { StoreToolEvent } from "../../src/core/report/store-tool-event.ts";
import { events, SNAPSHOT, STATUS } from "../control/fake-agent.ts";
import { distswarm, runningAgent, temporaryConfig } from "./cli.ts";

const MIRROR: MirrorStatus = { url: "http://a.example", layout: "flat", requests: 1, failures: 0, bytes: 5 };

test("status prints text, and with --json what the agent said", async () => {
  const agent = await runningAgent();
  expect((await distswarm(["status", ...agent])).out).toMatch(/^distswarm 0\.1\.0 on h1, up 2 h 5 min\nIt works\./);
  const { code, out } = await distswarm(["status", "--json", ...agent]);
  expect([code, JSON.parse(out)]).toEqual([0, STATUS]);
});

test("a terminal too narrow for a table is given each row in pieces, and everybody else a line for each", async () => {
  const swarm = { peers: [{ id: "ab".repeat(32), host: "h2", address: "10.0.0.2:8481", distfiles: 7 }] };
  const args = ["status", ...(await runningAgent({ status: async () => ({ ...STATUS, swarm }) }))];
  expect((await distswarm(args)).out).toContain("  h2  10.0.0.2:8481  7 distfiles\n");
  expect((await distswarm(args, { columns: 80 })).out).toContain("  h2  10.0.0.2:8481  7 distfiles\n");
  // a terminal that does not say how wide it is, such as a serial console
  expect((await distswarm(args, { columns: 0 })).out).toContain("  h2  10.0.0.2:8481  7 distfiles\n");
  expect((await distswarm(args, { columns: 25 })).out).toContain("  h2  10.0.0.2:8481\n      7 distfiles\n");
});

test("mirrors prints text, with --json the list, and says when there are none", async () => {
  const agent = await runningAgent({ status: async () => ({ ...STATUS, mirrors: [MIRROR] }) });
  expect((await distswarm(["mirrors", ...agent])).out).toContain("http://a.example  flat");
  expect(JSON.parse((await distswarm(["mirrors", "--json", ...agent])).out)).toEqual([MIRROR]);
  expect((await distswarm(["mirrors", ...(await runningAgent())])).out).toBe(
    "no mirrors are configured and no host was asked yet\n",
  );
});

describe("snapshot", () => {
  const LINE = `20261119  50.0 MiB  verified  signed 2026-11-20 00:45 UTC by ${SNAPSHOT.signed_by}  also on`;

  test("list shows date, size, who signed and when, and the peers by name; with --json what the agent said", async () => {
    const [known = ""] = SNAPSHOT.peers;
    const peers = [{ id: known, host: "h2", address: "10.0.0.2:8481", distfiles: 7 }];
    const agent = await runningAgent({ status: async () => ({ ...STATUS, snapshots: [SNAPSHOT], swarm: { peers } }) });
    expect((await distswarm(["snapshot", "list", ...agent])).out).toBe(`  ${LINE} h2, efefefef\n`);
    expect(JSON.parse((await distswarm(["snapshot", "list", "--json", ...agent])).out)).toEqual([SNAPSHOT]);
  });

  test("list says when none is kept", async () => {
    const { out } = await distswarm(["snapshot", "list", ...(await runningAgent())]);
    expect(out).toBe("no tree snapshot is kept on this box\n");
  });

  test("pull hands on the date, or none, and says what came; an error of the agent's is exit code 1", async () => {
    const asked: unknown[] = [];
    const agent = await runningAgent({
      pullSnapshot: async (date) => {
        asked.push(date);
        if (date === "x") throw new DistswarmError("INVALID_REQUEST", "not a date (YYYYMMDD): x");
        return SNAPSHOT;
      },
    });
    expect((await distswarm(["snapshot", "pull", ...agent])).out).toContain(LINE);
    expect(JSON.parse((await distswarm(["snapshot", "pull", "20261119", "--json", ...agent])).out)).toEqual(SNAPSHOT);
    expect(await distswarm(["snapshot", "pull", "x", ...agent])).toMatchObject({
      code: 1,
      err: "distswarm: not a date (YYYYMMDD): x\n",
    });
    expect(asked).toEqual([undefined, "20261119", "x"]);
  });

  test("pull ends with exit code 130 on SIGINT, and stops waiting in the agent", async () => {
    const interruption = new AbortController();
    const left = new AbortController();
    const over = once(left.signal, "abort");
    const agent = await runningAgent({
      pullSnapshot: async (_date, signal) => {
        interruption.abort();
        await once(signal, "abort");
        left.abort();
        throw signal.reason;
      },
    });
    const { code } = await distswarm(["snapshot", "pull", ...agent], { interruption: interruption.signal });
    expect(code).toBe(130);
    await over;
  });
});

test("explain passes on what was asked, and the agent's error with exit code 1", async () => {
  const agent = await runningAgent({
    explain: async (asked) => {
      if (asked === "bad") throw new DistswarmError("INVALID_DIGEST", "no digest: bad");
      return { asked, kind: "name", meaning: "a name that no Manifest knows", files: [] };
    },
  });
  expect((await distswarm(["explain", "x.tar.gz", ...agent])).out).toBe("x.tar.gz\n  a name that no Manifest knows\n");
  expect(JSON.parse((await distswarm(["explain", "x", "--json", ...agent])).out)).toMatchObject({ asked: "x" });
  expect(await distswarm(["explain", "bad", ...agent])).toEqual({
    code: 1,
    out: "",
    err: "distswarm: no digest: bad\n",
  });
});

test("a fault of the agent's own ends with exit code 1", async () => {
  const agent = await runningAgent({
    status: async () => {
      throw new TypeError("oops");
    },
  });
  expect(await distswarm(["status", ...agent])).toMatchObject({
    code: 1,
    err: expect.stringContaining("oops") as string,
  });
});

describe("fetch", () => {
  const good: FetchEvent[] = [
    { event: "started", line: 0, name: "a", size: 2048 },
    { event: "progress", line: 0, received: 1024, source: "h2" },
    { event: "done", line: 0, bytes: 2048, from: "peer" },
  ];

  test("off a terminal: a line for each file that begins and ends, then the sum", async () => {
    const agent = await runningAgent({ fetch: () => events(...good) });
    expect(await distswarm(["fetch", "a", ...agent])).toEqual({
      code: 0,
      out: "a: 2.00 KiB\na: done, 2.00 KiB from peers\n1 file: 1 from peers (2.00 KiB)\n",
      err: "",
    });
  });

  test("names what failed, and ends with exit code 1", async () => {
    const failed: FetchEvent = { event: "failed", line: 1, name: "b", code: "NO_SOURCE", message: "nobody has it" };
    const agent = await runningAgent({ fetch: () => events(...good, failed) });
    const { code, out } = await distswarm(["fetch", "a", "b", ...agent]);
    expect(code).toBe(1);
    expect(out).toContain("b: failed: nobody has it\n");
    expect(out).toContain("1 file: 1 from peers (2.00 KiB)\n1 file failed:\n  b: nobody has it\n");
  });

  test("with --json prints each event", async () => {
    const agent = await runningAgent({ fetch: () => events(...good) });
    const { out } = await distswarm(["fetch", "a", "--json", ...agent]);
    expect(out).toBe(good.map((event) => `${JSON.stringify(event)}\n`).join(""));
  });

  test("reads what emerge -fp prints from standard input", async () => {
    let asked: readonly string[] = [];
    const agent = await runningAgent({
      fetch: (lines) => {
        asked = lines;
        return events<FetchEvent>();
      },
    });
    const stdin = "Calculating dependencies  ... done!\n\nhttp://m/a.tgz https://u/a.tgz \nb.tgz\n";
    expect((await distswarm(["fetch", "first", "-", ...agent], { stdin })).code).toBe(0);
    expect(asked).toEqual(["first", "http://m/a.tgz https://u/a.tgz", "b.tgz"]);
  });

  test("ends with exit code 130 on SIGINT, and the agent's work with it", async () => {
    const ended = new AbortController();
    const agent = await runningAgent({
      fetch: async function* (_lines, signal) {
        yield good[0]!;
        await once(signal, "abort");
        ended.abort();
      },
    });
    const interruption = new AbortController();
    const over = once(ended.signal, "abort");
    const around = { interruption: interruption.signal, onOutput: () => interruption.abort() };
    expect(await distswarm(["fetch", "a", ...agent], around)).toMatchObject({ code: 130, err: "" });
    await over;
  });
});

describe("import", () => {
  test("hands on the directory as an absolute path, shows what is wrong, and the sum", async () => {
    let dir: string | undefined;
    const agent = await runningAgent({
      importFiles: (given) => {
        dir = given;
        return events<StoreToolEvent>(
          { event: "progress", done: 1, total: 2, bytes: 10 },
          { event: "file", file: "good.tgz", size: 10, verdict: "adopted" },
          { event: "file", file: "bad.tgz", size: 2048, verdict: "wrong", detail: "digest differs" },
          { event: "summary", counts: { adopted: 1, unknown: 0, wrong: 1 }, bytes: 10 },
        );
      },
    });
    expect(await distswarm(["import", "some/dir", ...agent])).toEqual({
      code: 1,
      out: "wrong: bad.tgz (2.00 KiB): digest differs\n1 adopted, 0 unknown, 1 wrong; 10 B copied\n",
      err: "",
    });
    expect(dir).toBe(resolve("some/dir"));
    await distswarm(["import", ...agent]);
    expect(dir).toBeUndefined();
  });

  test.for([
    ["adopted", 0],
    ["known", 0],
    ["unknown", 0],
    ["undigested", 0],
    ["wrong", 1],
    ["skipped", 1],
    ["unreadable", 1],
  ] as const)("a file that is %s ends it with %i", async ([verdict, code]) => {
    const agent = await runningAgent({
      importFiles: () => events<StoreToolEvent>({ event: "file", file: "a", size: 1, verdict }),
    });
    expect((await distswarm(["import", ...agent])).code).toBe(code);
    expect((await distswarm(["import", "--json", ...agent])).code).toBe(code);
  });
});

describe("fsck", () => {
  const file = (name: string, verdict: "damaged" | "repaired" | "unrepaired"): StoreToolEvent => {
    return { event: "file", file: name, size: 1, verdict };
  };

  test.for([
    ["nothing is damaged", [], 0],
    ["something is damaged", [file("a", "damaged")], 3],
    ["all that was damaged is repaired", [file("a", "damaged"), file("a", "repaired")], 0],
    ["something could not be repaired", [file("a", "repaired"), file("b", "unrepaired")], 3],
  ] as const)("when %s", async ([, list, expected]) => {
    const agent = await runningAgent({ fsck: () => events<StoreToolEvent>(...list) });
    expect((await distswarm(["fsck", ...agent])).code).toBe(expected);
    expect((await distswarm(["fsck", "--json", ...agent])).out).toBe(
      list.map((e) => `${JSON.stringify(e)}\n`).join(""),
    );
  });

  test("asks for a repair only when told to", async () => {
    const asked: boolean[] = [];
    const agent = await runningAgent({
      fsck: ({ repair }) => {
        asked.push(repair);
        return events<StoreToolEvent>();
      },
    });
    await distswarm(["fsck", ...agent]);
    await distswarm(["fsck", "--repair", ...agent]);
    expect(asked).toEqual([false, true]);
  });
});

test("gc --dry-run asks for that, and says what would go and why", async () => {
  const agent = await runningAgent({
    gc: ({ dryRun }) =>
      events<StoreToolEvent>({ event: "file", file: "a", size: 1, verdict: "evicted", detail: `dry run ${dryRun}` }),
  });
  expect((await distswarm(["gc", "--dry-run", ...agent])).out).toBe("evicted: a (1 B): dry run true\n");
  expect((await distswarm(["gc", ...agent])).out).toBe("evicted: a (1 B): dry run false\n");
});

test("join says so when no key came", async () => {
  const { code, err } = await distswarm(["join", " "]);
  expect([code, err]).toEqual([2, expect.stringMatching(/^distswarm: no key came: distswarm invite/)]);
});

test("agent --check says in a line that all is well, or what is wrong", async () => {
  const { file } = await temporaryConfig('portage.repos = ["/"]\n');
  const well = { code: 0, out: `all is well; config file: ${file}\n`, err: "" };
  expect(await distswarm(["agent", "--check", "--config", file])).toEqual(well);
  const { code, err } = await distswarm(["agent", "--check", "--config", "/nonexistent.toml"]);
  expect([code, err]).toEqual([2, "distswarm: /nonexistent.toml: there is no such file\n"]);
});

test("agent --check also tells what the agent would warn of", async () => {
  const own = 'proxy.listen = ["127.0.0.1:8480"]\nupstream.mirrors = ["http://127.0.0.1:8480"]\n';
  const { file } = await temporaryConfig(own);
  const { code, out, err } = await distswarm(["agent", "--check", "--config", file]);
  const warnings = err.match(/^distswarm: warning: /gm);
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(`^the agent can run, with ${warnings?.length} warnings?; config file: `),
  ]);
  expect(err).toContain("distswarm: warning: upstream.mirrors names this agent itself, which is left out: http");
});
