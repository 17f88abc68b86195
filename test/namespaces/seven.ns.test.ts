import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testFile, type TestFile } from "../support/repository.ts";
import type { AgentHost, Answer } from "./agent-host.ts";
import { build, type Build } from "../support/build.ts";
import { Chaos } from "./chaos.ts";
import { whyNoNamespaces } from "./lan.ts";
import { receivedBy, SevenHosts, sum } from "./seven-hosts.ts";
import { named } from "../support/skipped.ts";

const MIB = 2 ** 20;
/** Above `proxy.verify_first`, so that the client of the box that downloads is passed bytes at once. */
const LARGE = 20 * MIB;
/** Below it: no client is given a byte before the digest is known. */
const MEDIUM = 12 * MIB;
const RATE = 10 * MIB;
/** A claim that was not told again for so long counts no more. */
const SILENCE_MS = 5000;
const PATIENCE_MS = 1000;
/** What may be fetched twice, as a share of the file. */
const TWICE = 0.05;

/** Answers leave before their file is in the store: its bytes are made durable first. */
const COMMITTED = { timeout: 10_000 };

/** Milliseconds and bytes: what the chaos lasts, and what its files are. */
const CHAOS_MS = 1000 * Number(process.env["DISTSWARM_CHAOS_SECONDS"] ?? 15);
const CHAOS_SEED = Number(process.env["DISTSWARM_CHAOS_SEED"] ?? Date.now() % 1e6);
const CHAOS_FILES = 50;
const CHAOS_LEAST = 20_000;
const CHAOS_STEP = 30_000;

/** What may become of the host that downloads, and how it is mended. */
interface Fate {
  readonly strike: (host: AgentHost, seven: SevenHosts) => Promise<void> | void;
  readonly mend: (host: AgentHost, seven: SevenHosts) => Promise<void> | void;
}
const FATES: Readonly<Record<string, Fate>> = {
  killed: { strike: (host) => host.end("SIGKILL"), mend: (host) => host.run() },
  cut: { strike: ({ number }, { lan }) => lan.cut(number), mend: ({ number }, { lan }) => lan.heal(number) },
  stopped: { strike: (host) => host.sleep(true), mend: (host) => host.sleep(false) },
};
const DISASTERS = Object.keys(FATES).flatMap((fate) => [10, 50, 90].map((percent) => [fate, percent] as const));
const doomed = DISASTERS.map(([fate, percent]) => testFile(`${fate}-${percent}.tar.xz`, LARGE));
const wanted = testFile("wanted.tar.xz", LARGE);
const parted = testFile("parted.tar.xz", LARGE);
const ofOneHalf = testFile("of-one-half.tar.xz", MEDIUM);
const spoiltOnce = testFile("spoilt-once.tar.xz", MEDIUM);
const spoiltTwice = testFile("spoilt-twice.tar.xz", MEDIUM);
const files = [wanted, parted, ofOneHalf, spoiltOnce, spoiltTwice, ...doomed];

const skipped = whyNoNamespaces();

describe.skipIf(skipped !== undefined)(named("seven boxes, one download", skipped), () => {
  let project: Build | undefined;
  let seven: SevenHosts | undefined;

  beforeAll(async () => {
    project = await build();
    seven = await SevenHosts.up({ dist: project.dir, files, rate: RATE });
  });
  afterAll(async () => {
    await seven?.down();
    await project?.remove();
  });

  it("seven that ask at once, cold, cost upstream one download", async () => {
    const { hosts } = seven!;
    const began = performance.now();
    expect(await askedOf(hosts, wanted)).toEqual(rightAnswers(hosts, wanted));
    report("seven cold", { ms: performance.now() - began, "of upstream": (await seven!.sent(wanted)) / LARGE });
    expect(await seven!.sent(wanted)).toBeLessThanOrEqual(1.02 * LARGE);
  });

  it.each(DISASTERS)("the one that downloads is %s at %i percent: the others go on", async (fate, percent) => {
    const file = doomed.find(({ name }) => name === `${fate}-${percent}.tar.xz`)!;
    const { hosts } = seven!;
    const { strike, mend } = FATES[fate]!;
    const answers = new Map(hosts.map((host) => [host, host.ask([file])]));
    for (const answer of answers.values()) answer.catch(() => {}); // one of them may fail
    const winner = await seven!.winner(file, percent / 100);
    const others = hosts.filter((host) => host !== winner);
    const had = Math.max(...(await Promise.all(others.map((host) => receivedBy(host, file)))));

    await strike(winner, seven!);
    const struck = performance.now();
    const got = await Promise.all(others.map((host) => answers.get(host)!));
    const delay = performance.now() - struck - (1000 * (LARGE - had)) / RATE;
    const sent = sum(await seven!.sentTo(others, file));
    await mend(winner, seven!);

    report(`${fate} at ${percent} %`, { "delay, ms": delay, had: had / LARGE, "sent to others": sent / LARGE });
    expect(got.flat()).toEqual(rightAnswers(others, file));
    if (fate !== "killed") expect(await answers.get(winner)).toEqual(rightAnswers([winner], file));
    expect(sent).toBeLessThanOrEqual(LARGE - had + TWICE * LARGE);
    expect(delay).toBeLessThanOrEqual(SILENCE_MS + PATIENCE_MS);
    await seven!.mesh();
  });

  it("a wrong byte from upstream is stored by nobody, and all get the right bytes from another mirror", async () => {
    const { hosts, mirrors } = seven!;
    await mirrors[0]!.spoil(spoiltOnce, MEDIUM / 2);
    expect(await askedOf(hosts, spoiltOnce)).toEqual(rightAnswers(hosts, spoiltOnce));
    const keepers = async (): Promise<number> =>
      (await seven!.stored()).filter((digests) => digests.includes(spoiltOnce.digest)).length;
    await expect.poll(keepers, COMMITTED).toBe(seven!.hosts.length);
  });

  it("where every mirror has a wrong byte, all fail as one alone does, and nobody stores it", async () => {
    const { hosts, mirrors } = seven!;
    for (const mirror of mirrors) await mirror.spoil(spoiltTwice, MEDIUM / 2);
    const [alone] = await (await seven!.hermit()).ask([spoiltTwice]);
    const answers = await askedOf(hosts, spoiltTwice);
    expect(answers).toEqual(hosts.map(() => expect.objectContaining({ status: alone!.status }) as Answer));
    expect(alone!.status).toBe(502);
    for (const digests of await seven!.stored()) expect(digests).not.toContain(spoiltTwice.digest);
  });

  it("parted in mid-download, each half gets it by itself; together again, nothing is fetched anew", async () => {
    const { hosts, lan, upstream } = seven!;
    const answers = askedOf(hosts, parted);
    const winner = await seven!.winner(parted, 0.3);
    const there = hosts.filter((host) => host !== winner).slice(0, 4);
    const here = hosts.filter((host) => !there.includes(host));
    const numbers = there.map(({ number }) => number);
    const had = Math.max(...(await Promise.all(there.map((host) => receivedBy(host, parted)))));
    await lan.part(numbers, upstream);
    expect(await answers).toEqual(rightAnswers(hosts, parted));
    const sentThere = sum(await seven!.sentTo(there, parted));
    report("parted", { "sent here": sum(await seven!.sentTo(here, parted)) / LARGE, "sent there": sentThere / LARGE });
    expect(sum(await seven!.sentTo(here, parted))).toBeLessThanOrEqual(1.02 * LARGE);
    expect(sentThere).toBeLessThanOrEqual(LARGE - had + TWICE * LARGE);
    expect(await askedOf(here, ofOneHalf)).toEqual(rightAnswers(here, ofOneHalf));

    await lan.rejoin(numbers, upstream);
    await seven!.inStep();
    const before = await seven!.sent(parted, ofOneHalf);
    for (const file of [parted, ofOneHalf]) expect(await askedOf(hosts, file)).toEqual(rightAnswers(hosts, file));
    expect(await seven!.sent(parted, ofOneHalf)).toBe(before);
  });
});

describe.skipIf(skipped !== undefined)(named("seven boxes in chaos", skipped), () => {
  const chaosFiles = Array.from({ length: CHAOS_FILES }, (_, at) =>
    testFile(`chaos-${at}.tar.xz`, CHAOS_LEAST + at * CHAOS_STEP),
  );
  const bytes = sum(chaosFiles.map((file) => file.bytes.length));
  let project: Build | undefined;
  let seven: SevenHosts | undefined;

  beforeAll(async () => {
    project = await build();
    seven = await SevenHosts.up({ dist: project.dir, files: chaosFiles, rate: (2000 * bytes) / CHAOS_MS });
  });
  afterAll(async () => {
    await seven?.down();
    await project?.remove();
  });

  it(
    `killed and started again at random for ${CHAOS_MS / 1000} s, they serve and keep only what is right (DISTSWARM_CHAOS_SEED=${CHAOS_SEED})`,
    async () => {
      const { hosts } = seven!;
      const chaos = new Chaos(hosts, { seed: CHAOS_SEED, files: chaosFiles });
      await chaos.run(CHAOS_MS);
      const sent = (await seven!.sent(...chaosFiles)) / bytes;
      report("chaos", {
        seed: CHAOS_SEED,
        kills: chaos.kills,
        asked: chaos.asked,
        lost: chaos.lost,
        "of upstream": sent,
      });
      expect(chaos.faults).toEqual([]);
      await seven!.mesh();
      const answers = await Promise.all(hosts.map((host) => host.ask(chaosFiles)));
      expect(answers).toEqual(hosts.map(() => chaosFiles.map((file) => rightAnswers([0], file)[0])));
      const all = chaosFiles.map(({ digest }) => digest).toSorted();
      const stored = async (): Promise<string[][]> => (await seven!.stored()).map((digests) => digests.toSorted());
      await expect.poll(stored, COMMITTED).toEqual(hosts.map(() => all));
    },
    CHAOS_MS + 90_000,
  );
});

async function askedOf(hosts: readonly AgentHost[], file: TestFile): Promise<Answer[]> {
  return (await Promise.all(hosts.map((host) => host.ask([file])))).flat();
}

function rightAnswers(of: readonly unknown[], { digest }: TestFile): Answer[] {
  return of.map(() => ({ status: 200, digest }));
}

function report(what: string, numbers: Readonly<Record<string, number>>): void {
  const facts = Object.entries(numbers).map(([name, value]) => `${name} ${Number(value.toFixed(3))}`);
  console.log(`${what}: ${facts.join(", ")}`);
}
