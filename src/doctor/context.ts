import type { Config } from "../config.ts";
import { importNative } from "../core/native.ts";
import { ownNames } from "../core/net/own-names.ts";
import type { Status } from "../core/report/status.ts";
import { readCustomMirrors } from "../portage/custom-mirrors.ts";
import { readMakeConf } from "../portage/make-conf.ts";
import { askMirrors, type MirrorAnswer } from "./ask-mirrors.ts";

/** What the running agent says of itself; or why it does not. */
export type AgentAnswer = { readonly status: Status } | { readonly error: Error };

/** What the checks look at: the box below `root`, and the agent that runs on it. */
export interface Context {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly config: Config;
  readonly agent: AgentAnswer;
  /** The variables of make.conf. */
  readonly variables: ReadonlyMap<string, string>;
  /** The URLs of the `local` lines in /etc/portage/mirrors. */
  readonly localMirrors: readonly string[];
  /** The names of this box. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Loads the native parts of the swarm. */
  readonly loadSwarm: () => Promise<unknown>;
  /** What each mirror answers to the running agent; asked once. */
  readonly mirrorAnswers: () => Promise<readonly MirrorAnswer[]>;
}

/** What a look at a box is made with. */
export interface ContextInit extends Pick<Context, "root" | "env" | "config" | "agent"> {
  /** @default the clock */
  readonly now?: number;
  /** @default loads hyperswarm */
  readonly loadSwarm?: () => Promise<unknown>;
}

/** Reads what the checks share. Never throws over what it finds. */
export async function lookAround(init: ContextInit): Promise<Context> {
  const { root, config, agent } = init;
  const [{ variables }, custom] = await Promise.all([readMakeConf(root), readCustomMirrors(root)]);
  let answers: Promise<readonly MirrorAnswer[]> | undefined;
  return {
    now: Date.now(),
    loadSwarm: () => importNative(() => import("hyperswarm")),
    ...init,
    variables,
    localMirrors: custom.lists.get("local") ?? [],
    names: ownNames(),
    mirrorAnswers: () => (answers ??= askMirrors(config.upstream.mirrors, doorOf(agent))),
  };
}

/** `host:port` of a door that is open. */
function doorOf(agent: AgentAnswer): string | undefined {
  return "status" in agent ? agent.status.proxy.listen[0] : undefined;
}
