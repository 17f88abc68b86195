import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { AgentApi } from "../core/report/agent-api.ts";
import { SOCKET_MODES, socketName, type Access } from "../core/report/agent-sockets.ts";
import { DistswarmError } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { CALLS, type AnswerCall, type StreamCall } from "./calls.ts";
import { toFailure } from "./failure.ts";
import { toLine } from "./ndjson.ts";
import { listenAt } from "./socket-file.ts";

/** Of a request's body, in bytes: the URL lists of some ten thousand packages. */
const MAX_BODY = 64 * 2 ** 20;

/** Whom the calls reach. */
interface ControlComponents {
  readonly api: AgentApi;
  readonly log: Logger;
}

/** Where it listens. */
interface ControlInit {
  /** The state directory, where the sockets are made. */
  readonly dir: string;
}

/** The agent's end of its two Unix sockets. A client that leaves ends the call that it began. */
export class ControlServer implements Startable {
  readonly #api: AgentApi;
  readonly #log: Logger;
  readonly #dir: string;
  readonly #servers: Server[] = [];

  constructor(components: ControlComponents, init: ControlInit) {
    this.#api = components.api;
    this.#log = components.log;
    this.#dir = init.dir;
  }

  /** @throws {DistswarmError} `ADDRESS_IN_USE` when another agent listens there. */
  async start(): Promise<void> {
    if (this.#servers.length > 0) return;
    for (const access of ["status", "control"] as const) {
      const server = createServer((request, response) => void this.#serve(access, request, response));
      await listenAt(server, join(this.#dir, socketName(access)), SOCKET_MODES[access]);
      this.#servers.push(server);
    }
  }

  async stop(): Promise<void> {
    const servers = this.#servers.splice(0);
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    }
  }

  async #serve(access: Access, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = new AbortController();
    response.once("close", () => left.abort());
    try {
      const [path = "", query = ""] = (request.url ?? "").split("?", 2);
      const call = admit(access, path);
      const parameters =
        call.access === "status" ? Object.fromEntries(new URLSearchParams(query)) : await readBody(request);
      await this.#answer(call, parameters, response, left.signal);
    } catch (error) {
      if (left.signal.aborted) return;
      const failure = toFailure(error);
      if (failure.error.code === "INTERNAL") this.#log.error({ err: error }, "a call over a control socket failed");
      if (!response.headersSent) response.writeHead(failure.error.code === "INTERNAL" ? 500 : 400);
      response.end(toLine(failure));
    }
  }

  async #answer(
    call: AnswerCall | StreamCall,
    parameters: unknown,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    if ("answer" in call) {
      response.end(toLine(await call.answer(this.#api, parameters, signal)));
      return;
    }
    for await (const event of call.stream(this.#api, parameters, signal)) {
      if (!response.write(toLine(event))) await once(response, "drain", { signal });
    }
    response.end();
  }
}

function admit(access: Access, path: string): AnswerCall | StreamCall {
  const call = CALLS[path];
  if (call === undefined) throw new DistswarmError("INVALID_REQUEST", `the agent knows no call ${path}`);
  if (access === "control" || call.access === "status") return call;
  throw new DistswarmError("INVALID_REQUEST", `${path} is for ${socketName("control")} only`);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_BODY) throw new DistswarmError("INVALID_REQUEST", `a request may have at most ${MAX_BODY} bytes`);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new DistswarmError("INVALID_REQUEST", "the body is no JSON", { cause: error });
  }
}
