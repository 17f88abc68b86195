import { once } from "node:events";
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import type { AgentApi } from "../core/report/agent-api.ts";
import { socketName, type Access } from "../core/report/agent-sockets.ts";
import { DistswarmError, systemCode } from "../core/errors.ts";
import type { Explanation } from "../core/report/explanation.ts";
import type { FetchEvent } from "../core/report/fetch-event.ts";
import type { SnapshotStatus } from "../core/snapshots.ts";
import type { Status } from "../core/report/status.ts";
import type { StoreToolEvent } from "../core/report/store-tool-event.ts";
import { explainConnectError } from "./connect-error.ts";
import { fromFailure } from "./failure.ts";
import { fromLines } from "./ndjson.ts";

/** What only reads is answered at once, also by a busy agent. Milliseconds. */
const ANSWER_MS = 20_000;
/** How a connection ends that the agent has not answered. */
const CUT_OFF = ["ECONNRESET", "EPIPE"];

/** Which agent it calls. */
interface ControlClientInit {
  /** The agent's state directory, where its sockets are. */
  readonly dir: string;
  /**
   * An agent that has not answered a call that only reads by then hangs; one that is silent for so long during another call
   * is asked for its status. Milliseconds. @default 20 s
   */
  readonly answerMs?: number;
}

interface Call {
  readonly access: Access;
  /** The path of the call, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/**
 * A running agent, reached over its sockets. Every method throws what the agent threw, and besides
 * {@link DistswarmError} `AGENT_NOT_RUNNING` when nobody listens, the agent hangs, or goes away in the middle, and
 * `NOT_PERMITTED` when the sockets are not for this user.
 */
export class ControlClient implements AgentApi {
  readonly #dir: string;
  readonly #answerMs: number;

  constructor(init: ControlClientInit) {
    this.#dir = init.dir;
    this.#answerMs = init.answerMs ?? ANSWER_MS;
  }

  async status(): Promise<Status> {
    return (await this.#answer({ access: "status", path: "/status" })) as Status;
  }

  async explain(asked: string): Promise<Explanation> {
    const query = new URLSearchParams({ asked }).toString();
    return (await this.#answer({ access: "status", path: `/explain?${query}` })) as Explanation;
  }

  fetch(lines: readonly string[], signal: AbortSignal): AsyncIterable<FetchEvent> {
    return this.#steer<FetchEvent>("/fetch", { lines }, signal);
  }

  importFiles(dir: string | undefined, signal: AbortSignal): AsyncIterable<StoreToolEvent> {
    return this.#steer<StoreToolEvent>("/import", { dir }, signal);
  }

  fsck(options: { repair: boolean }, signal: AbortSignal): AsyncIterable<StoreToolEvent> {
    return this.#steer<StoreToolEvent>("/fsck", options, signal);
  }

  gc(options: { dryRun: boolean }, signal: AbortSignal): AsyncIterable<StoreToolEvent> {
    return this.#steer<StoreToolEvent>("/gc", options, signal);
  }

  async invite(): Promise<string> {
    return ((await this.#answer({ access: "control", path: "/invite", body: {} })) as { key: string }).key;
  }

  async join(key: string): Promise<void> {
    await this.#answer({ access: "control", path: "/join", body: { key } });
  }

  async pullSnapshot(date: string | undefined, signal: AbortSignal): Promise<SnapshotStatus> {
    return (await this.#answer({
      access: "control",
      path: "/snapshot/pull",
      body: { date },
      signal,
    })) as SnapshotStatus;
  }

  #steer<Event>(path: string, body: unknown, signal: AbortSignal): AsyncIterable<Event> {
    return this.#values({ access: "control", path, body, signal }) as AsyncIterable<Event>;
  }

  async #answer(call: Call): Promise<unknown> {
    for await (const value of this.#values(call)) return value;
    throw wentAway();
  }

  async *#values(call: Call): AsyncGenerator {
    const response = await this.#open(call);
    try {
      // whoever stops reading destroys the response, by which the agent sees its client leave
      for await (const value of fromLines(response)) {
        const error = fromFailure(value);
        if (error !== undefined) throw error;
        yield value;
      }
    } catch (error) {
      call.signal?.throwIfAborted();
      throw response.errored === null || error instanceof DistswarmError ? error : wentAway(error);
    }
  }

  async #open({ access, path, body, signal }: Call): Promise<IncomingMessage> {
    const socketPath = join(this.#dir, socketName(access));
    const method = body === undefined ? "GET" : "POST";
    const sent = request({ socketPath, path, method, agent: false, ...(signal && { signal }) });
    sent.on("error", () => {}); // also after the response, whose reader is told of it anyway
    this.#watch(sent, access, socketPath);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    try {
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      return response;
    } catch (error) {
      signal?.throwIfAborted();
      if (CUT_OFF.includes(systemCode(error) ?? "")) throw wentAway(error);
      throw await explainConnectError(error, socketPath);
    }
  }

  /** Breaks a call off when the agent hangs. One that steers may take hours: meanwhile, the status is answered in time. */
  #watch(sent: ClientRequest, access: Access, socketPath: string): void {
    let broken: ClientRequest | IncomingMessage = sent;
    sent.once("response", (response: IncomingMessage) => (broken = response));
    sent.once("socket", (socket) => {
      const isSilent = (): void => {
        if (access === "status") return void broken.destroy(hangs(socketPath));
        this.status().then(
          () => socket.setTimeout(this.#answerMs),
          (error: Error) => broken.destroy(error),
        );
      };
      socket.setTimeout(this.#answerMs).on("timeout", isSilent);
    });
  }
}

function hangs(socketPath: string): DistswarmError {
  const seen = `the agent hangs: it listens at ${socketPath}, and does not answer`;
  const restart = "Restart it: rc-service distswarm restart, or systemctl restart distswarm";
  const message = `${seen}. ${restart}; if that fails, a file system that it uses hangs, as NFS whose server is off`;
  return new DistswarmError("AGENT_NOT_RUNNING", message, { facts: { seen, hangs: true } });
}

function wentAway(cause?: unknown): DistswarmError {
  return new DistswarmError("AGENT_NOT_RUNNING", "the agent stopped before it had answered", { cause });
}
