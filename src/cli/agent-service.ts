import { startAgent, type Agent } from "../agent.ts";
import type { LoadedConfig } from "../config/load.ts";
import { messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { OneByOne } from "../core/async/one-by-one.ts";
import { listed } from "../core/text/words.ts";
import type { ServiceManager } from "./service-manager.ts";

/** What running the agent as a service uses. */
interface AgentServiceComponents {
  readonly log: Logger;
  readonly manager: ServiceManager;
  /** Reads the config anew. */
  readonly load: () => Promise<LoadedConfig>;
}

/** The agent as a service runs it: it reads its config again when told to, and starts anew over a damaged database. */
export class AgentService implements Startable {
  readonly #components: AgentServiceComponents;
  #loaded: LoadedConfig;
  #agent: Agent | undefined;
  /** What reloads changed and only a restart brings into effect. */
  #waiting: readonly string[] = [];
  /** Why the last reload changed nothing. */
  #fault: readonly string[] = [];
  readonly #changes = new OneByOne();
  #fail!: (reason: unknown) => void;
  /** Rejects when a new start over a damaged database did not succeed. */
  readonly failed = new Promise<never>((_, reject) => (this.#fail = reject));

  constructor(components: AgentServiceComponents, init: { loaded: LoadedConfig }) {
    this.#components = components;
    this.#loaded = init.loaded;
    this.failed.catch(() => {}); // whoever waits for it is told
  }

  /** @throws {DistswarmError} what stands in the way; see {@link startAgent}. */
  async start(): Promise<void> {
    await this.#changes.run(() => this.#begin());
  }

  async stop(): Promise<void> {
    await this.#changes.run(() => this.#end());
  }

  /**
   * Takes over what can change under way, once it runs. A config with a mistake changes nothing; the log says what came
   * of it.
   */
  async reload(): Promise<void> {
    await this.#changes.run(() => this.#takeOver());
  }

  async #begin(): Promise<void> {
    if (this.#agent !== undefined) return;
    const notes = (): readonly string[] => [...this.#loaded.warnings, ...this.#waiting, ...this.#fault];
    const configFile = (): string | undefined => this.#loaded.file;
    const agent = await startAgent(this.#loaded.config, { log: this.#components.log, notes, configFile });
    this.#waiting = [];
    this.#fault = [];
    this.#agent = agent;
    void agent.damaged.then(() => this.#changes.run(() => this.#startAnew(agent)).catch(this.#fail));
    await this.#sayReady();
  }

  async #takeOver(): Promise<void> {
    const { log, manager, load } = this.#components;
    if (this.#agent === undefined) return;
    await manager.reloading();
    try {
      this.#loaded = await load();
      const { applied, waiting } = this.#agent.reload(this.#loaded.config);
      log.info(`config read again: ${applied.length === 0 ? "nothing new" : `${applied.join(", ")} changed`}`);
      const inVain = `changed, but only a restart brings it into effect: ${waiting.join(", ")}`;
      this.#waiting = waiting.length > 0 ? [inVain] : [];
      this.#fault = [];
      for (const warning of this.#waiting) log.warn(warning);
    } catch (error) {
      const fault = `the config was not read again, the old one stays: ${messageOf(error)}`;
      this.#fault = [fault.replaceAll("\n", "; ")];
      log.error(fault);
    }
    await this.#sayReady();
  }

  async #startAnew(damaged: Agent): Promise<void> {
    if (this.#agent !== damaged) return;
    this.#components.log.warn("the database is damaged: starting again with a new one");
    await this.#end();
    await this.#begin();
  }

  async #end(): Promise<void> {
    await this.#agent?.stop();
    this.#agent = undefined;
  }

  async #sayReady(): Promise<void> {
    await this.#components.manager.ready(`serving at ${listed(this.#agent?.listening ?? [])}`);
  }
}
