import { z } from "zod";
import type { AgentApi } from "../core/report/agent-api.ts";
import type { Access } from "../core/report/agent-sockets.ts";
import { DistswarmError } from "../core/errors.ts";

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

const explainParameters = z.strictObject({
  asked: z.string().trim().min(1, "nothing: name a distfile, a URL or a digest"),
});
const fetchParameters = z.strictObject({ lines: z.array(z.string()) });
const importParameters = z.strictObject({ dir: z.string().startsWith("/").optional() });
const fsckParameters = z.strictObject({ repair: z.boolean() });
const gcParameters = z.strictObject({ dryRun: z.boolean() });
const joinParameters = z.strictObject({ key: z.string() });
const pullParameters = z.strictObject({ date: z.string().optional() });

/** @throws {DistswarmError} `INVALID_REQUEST` with each parameter that is wrong. */
function checked<Parameters>(schema: z.ZodType<Parameters>, given: unknown): Parameters {
  const { data, error } = schema.safeParse(given);
  if (error === undefined) return data;
  const problems = error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new DistswarmError("INVALID_REQUEST", problems.join("; "));
}

/** Every call, by the path that it has on the sockets. Parameters are checked. */
export const CALLS: Readonly<Record<string, AnswerCall | StreamCall>> = {
  "/status": { access: "status", answer: (api) => api.status() },
  "/explain": { access: "status", answer: (api, given) => api.explain(checked(explainParameters, given).asked) },
  "/fetch": {
    access: "control",
    stream: (api, given, signal) => api.fetch(checked(fetchParameters, given).lines, signal),
  },
  "/import": {
    access: "control",
    stream: (api, given, signal) => api.importFiles(checked(importParameters, given).dir, signal),
  },
  "/fsck": { access: "control", stream: (api, given, signal) => api.fsck(checked(fsckParameters, given), signal) },
  "/gc": { access: "control", stream: (api, given, signal) => api.gc(checked(gcParameters, given), signal) },
  "/invite": { access: "control", answer: async (api) => ({ key: await api.invite() }) },
  "/join": {
    access: "control",
    answer: async (api, given) => ({ joined: await api.join(checked(joinParameters, given).key) }),
  },
  "/snapshot/pull": {
    access: "control",
    answer: (api, given, signal) => api.pullSnapshot(checked(pullParameters, given).date, signal),
  },
};
