import { setTimeout } from "node:timers/promises";
import { seededRandom } from "../support/seeded-random.ts";
import type { TestFile } from "../support/repository.ts";
import type { AgentHost } from "./agent-host.ts";

/** How long a host lives and is down, in milliseconds, at most. */
const LIFE_MS = 6000;
const DOWN_MS = 2000;
/** A request that takes longer waits for ever. */
const FOR_EVER_MS = 60_000;

/** What chaos is made of. The same seed makes the same orders and times; what meets what is the machine's doing. */
interface ChaosInit {
  readonly seed: number;
  readonly files: readonly TestFile[];
}

/** Hosts that all ask for the same files, over and over, while each is killed and started again at random. */
export class Chaos {
  /** What went wrong with requests whose agent lived on. */
  readonly faults: string[] = [];
  kills = 0;
  /** Requests that ended right. */
  asked = 0;
  /** Requests whose agent was killed. */
  lost = 0;
  readonly #hosts: readonly AgentHost[];
  readonly #init: ChaosInit;
  /** The lives of each host so far. */
  readonly #lives = new Map<AgentHost, number>();
  /** Resolves when the agent of a host runs. */
  readonly #running = new Map<AgentHost, Promise<void>>();

  constructor(hosts: readonly AgentHost[], init: ChaosInit) {
    this.#hosts = hosts;
    this.#init = init;
  }

  /** Resolves after so long, when every agent runs and the last request has ended. */
  async run(ms: number): Promise<void> {
    const until = performance.now() + ms;
    await Promise.all(this.#hosts.flatMap((host) => [this.#trouble(host, until), this.#client(host, until)]));
  }

  async #trouble(host: AgentHost, until: number): Promise<void> {
    const random = seededRandom(this.#init.seed + host.number);
    for (;;) {
      const lifeMs = LIFE_MS * random();
      const downMs = DOWN_MS * random();
      if (performance.now() + lifeMs > until) return;
      await setTimeout(lifeMs);
      this.#lives.set(host, this.#livesOf(host) + 1);
      this.kills += 1;
      const running = killAndStart(host, downMs);
      this.#running.set(host, running);
      await running;
    }
  }

  async #client(host: AgentHost, until: number): Promise<void> {
    const random = seededRandom(this.#init.seed - host.number);
    while (performance.now() < until) {
      for (const file of shuffled(this.#init.files, random)) {
        await this.#running.get(host);
        await this.#ask(host, file);
        if (performance.now() > until) return;
      }
    }
  }

  async #ask(host: AgentHost, file: TestFile): Promise<void> {
    const life = this.#livesOf(host);
    const end = new AbortController();
    const answer = host.ask([file]).then(
      ([got]) => (got!.status === 200 && got!.digest === file.digest ? "right" : `${got!.status}, ${got!.digest}`),
      (error: unknown) => String(error),
    );
    const waited = setTimeout(FOR_EVER_MS, "waited for ever", { signal: end.signal }).catch(() => "");
    const outcome = await Promise.race([answer, waited]);
    end.abort();
    if (outcome === "right") this.asked += 1;
    else if (life !== this.#livesOf(host)) this.lost += 1;
    else this.faults.push(`host ${host.number}, ${file.name}: ${outcome}`);
  }

  #livesOf(host: AgentHost): number {
    return this.#lives.get(host) ?? 0;
  }
}

async function killAndStart(host: AgentHost, downMs: number): Promise<void> {
  await host.end("SIGKILL");
  await setTimeout(downMs);
  await host.run();
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => ({ value, rank: random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}
