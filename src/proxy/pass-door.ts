import { viaOf } from "../core/net/agent-names.ts";
import type { Distfile } from "../core/distfile.ts";
import type { UpstreamAnswer } from "../core/upstream.ts";
import { withInterimAnswers } from "./interim.ts";
import type { Keeper, Keeping } from "./keeper.ts";
import { sendAnswer } from "./pass-reply.ts";
import type { Exchange } from "./reply.ts";
import type { TrafficMeter } from "./traffic-meter.ts";

/** Answers with what an upstream server answers, untouched; keeps it where it turns out to be a known distfile. */
export class PassDoor {
  readonly #keeper: Keeper;
  readonly #traffic: TrafficMeter;
  readonly #via: string;

  /** `via`: the name of this agent in `Via` fields. */
  constructor(components: { keeper: Keeper; traffic: TrafficMeter }, init: { via: string }) {
    this.#keeper = components.keeper;
    this.#traffic = components.traffic;
    this.#via = viaOf(init.via);
  }

  /** Hands `asking`'s answer on; `candidates` are the distfiles that it may be. Throws what went wrong. */
  async answer(
    exchange: Exchange,
    asking: Promise<UpstreamAnswer>,
    candidates: readonly Distfile[] = [],
  ): Promise<void> {
    const answer = await withInterimAnswers(exchange, asking);
    const keeping = await this.#keep(exchange, answer, candidates);
    try {
      const sent = await sendAnswer(exchange, answer, { via: this.#via, tap: keeping?.tap });
      if (exchange.request.method !== "HEAD") this.#traffic.passed(sent);
      await keeping?.end();
    } catch (error) {
      answer.body.destroy();
      await keeping?.cancel();
      throw error;
    }
  }

  async #keep(
    exchange: Exchange,
    answer: UpstreamAnswer,
    candidates: readonly Distfile[],
  ): Promise<Keeping | undefined> {
    const whole = exchange.request.method === "GET" && answer.status === 200 && !answer.headers["content-encoding"];
    if (!whole || candidates.length === 0) return undefined;
    return this.#keeper.begin(candidates, Number(answer.headers["content-length"] ?? -1));
  }
}
