import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";

const NOTIFY_COMMAND = "systemd-notify";
/** It waits until the service manager has read the message. */
const NOTIFY_TIMEOUT_MS = 5_000;

/** What sd_notify(3) names the states of a service. */
type ServiceState = "READY=1" | "RELOADING=1" | "STOPPING=1" | "WATCHDOG=1";

/**
 * Tells systemd how the agent is, through `systemd-notify` (the unit needs `NotifyAccess=all`): Node has no Unix datagram
 * sockets. Without a service manager that listens (`$NOTIFY_SOCKET`), as under OpenRC or in a terminal, it is silent. A
 * message that cannot be sent is a warning in the log, never an error.
 */
export class ServiceManager {
  readonly #log: Logger;
  readonly #env: NodeJS.ProcessEnv;
  #watchdog: NodeJS.Timeout | undefined;

  constructor({ log, env }: { log: Logger; env: NodeJS.ProcessEnv }) {
    this.#log = log;
    this.#env = env;
  }

  /**
   * The agent serves; `status` is what `systemctl status` shows. Sends signs of life from then on, where they are
   * wanted.
   */
  async ready(status: string): Promise<void> {
    await this.#notify("READY=1", status);
    const interval = watchdogInterval(this.#env);
    if (interval === undefined) return;
    this.#watchdog ??= setInterval(() => void this.#notify("WATCHDOG=1"), interval).unref();
  }

  /** It reads its config again; {@link ready} says that it has. */
  async reloading(): Promise<void> {
    await this.#notify("RELOADING=1", "reading the config again");
  }

  /** It ends. */
  async stopping(): Promise<void> {
    clearInterval(this.#watchdog);
    this.#watchdog = undefined;
    await this.#notify("STOPPING=1", "stopping");
  }

  async #notify(state: ServiceState, status?: string): Promise<void> {
    if (this.#env["NOTIFY_SOCKET"] === undefined) return;
    const message = status === undefined ? [state] : [state, `STATUS=${status}`];
    try {
      await promisify(execFile)(NOTIFY_COMMAND, message, { env: this.#env, timeout: NOTIFY_TIMEOUT_MS });
    } catch (error) {
      this.#log.warn(`cannot tell systemd ${state}: ${messageOf(error).trim().replaceAll("\n", " ")}`);
    }
  }
}

/**
 * How often to give a sign of life, in ms: twice within the time after which the service manager takes the agent for
 * dead (sd_watchdog_enabled(3)); undefined when it asks for none, or asks another process.
 */
export function watchdogInterval(env: NodeJS.ProcessEnv, pid = process.pid): number | undefined {
  const microseconds = Number(env["WATCHDOG_USEC"] ?? 0);
  const addressee = Number(env["WATCHDOG_PID"] ?? pid);
  return microseconds > 0 && addressee === pid ? microseconds / 2000 : undefined;
}
