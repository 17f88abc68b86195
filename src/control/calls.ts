import { z } from "zod";
import type { AgentApi } from "../core/agent-api.ts";

/** The two sockets: one may be read by the service's group, one steers the agent and is its owner's alone. */
export type Access = "status" | "control";

/** The file of a socket in the state directory. */
export function socketName(access: Access): string {
  return `${access}.sock`;
}

/** Permissions of the sockets: to connect, one must be allowed to write. */
export const SOCKET_MODES: Readonly<Record<Access, number>> = { status: 0o660, control: 0o600 };

interface CallBase {
  /** The lesser of the sockets that take it; `control` takes all. `status` calls are GET with a query, others POST. */
  readonly access: Access;
}

/** A call that is answered by one JSON value. Aborting `signal` ends the work. */
export interface AnswerCall extends CallBase {
  answer(api: AgentApi, parameters: unknown, signal: AbortSignal): Promise<unknown>;
}

/** A call that is answered by lines of JSON, one for each event. Aborting `signal` ends the work. */
export interface StreamCall extends CallBase {
  stream(api: AgentApi, parameters: unknown, signal: AbortSignal): AsyncIterable<unknown>;
}

const explainParameters = z.strictObject({ asked: z.string().min(1) });
const fetchParameters = z.strictObject({ lines: z.array(z.string()) });
const importParameters = z.strictObject({ dir: z.string().startsWith("/").optional() });
const fsckParameters = z.strictObject({ repair: z.boolean() });
const gcParameters = z.strictObject({ dryRun: z.boolean() });
const joinParameters = z.strictObject({ key: z.string() });
const pullParameters = z.strictObject({ date: z.string().optional() });

/** Every call, by the path that it has on the sockets. Parameters are checked; a `ZodError` says what is wrong. */
export const CALLS: Readonly<Record<string, AnswerCall | StreamCall>> = {
  "/status": { access: "status", answer: (api) => api.status() },
  "/explain": { access: "status", answer: (api, given) => api.explain(explainParameters.parse(given).asked) },
  "/fetch": {
    access: "control",
    stream: (api, given, signal) => api.fetch(fetchParameters.parse(given).lines, signal),
  },
  "/import": {
    access: "control",
    stream: (api, given, signal) => api.importFiles(importParameters.parse(given).dir, signal),
  },
  "/fsck": { access: "control", stream: (api, given, signal) => api.fsck(fsckParameters.parse(given), signal) },
  "/gc": { access: "control", stream: (api, given, signal) => api.gc(gcParameters.parse(given), signal) },
  "/invite": { access: "control", answer: async (api) => ({ key: await api.invite() }) },
  "/join": {
    access: "control",
    answer: async (api, given) => ({ joined: await api.join(joinParameters.parse(given).key) }),
  },
  "/snapshot/pull": {
    access: "control",
    answer: (api, given, signal) => api.pullSnapshot(pullParameters.parse(given).date, signal),
  },
};
