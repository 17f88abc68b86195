import { join } from "node:path";
import type { Database } from "../core/database.ts";
import { SourceError, messageOf, systemCode } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { withoutCredentials } from "../core/net/credentials.ts";
import { abortable } from "../core/async/pulse.ts";
import { readRegularText } from "../core/fs/regular-file.ts";
import type { UpstreamAnswer } from "../core/upstream.ts";
import { FLAT, GLEP_75, isLayoutConf, parseLayoutConf, type Layout } from "./layout.ts";
import { letGo } from "./let-go.ts";
import type { Mirror } from "./mirrors.ts";

/** What is remembered of a mirror's layout.conf: its text, or null when the mirror has none. */
interface LayoutRecord {
  readonly at: number;
  readonly text: string | null;
}

/** The same as it is used. */
interface Remembered {
  readonly at: number;
  /** How long it holds, in milliseconds. */
  readonly lasts: number;
  readonly layouts: readonly Layout[];
}

/** What a mirror's layouts come to: the ones to try, best first, and whether they are no more than a guess. */
export interface KnownLayouts {
  readonly layouts: readonly Layout[];
  readonly guessed: boolean;
}

/** Sends a GET that follows redirects; counts in the mirror's health. */
type Get = (url: string, signal: AbortSignal) => Promise<UpstreamAnswer>;

/** How long a layout.conf is remembered; as Portage does (fetch.py). */
const REMEMBER_MS = 24 * 3_600_000;
/** How long its absence is, which Portage does not remember: a mirror that is being updated may lack it for a moment. */
const REMEMBER_ABSENT_MS = 10 * 60_000;
/** How long after a failure the next try waits. */
const RETRY_MS = 60_000;
/** A longer layout.conf is none. Characters. */
const MAX_LENGTH = 64 * 1024;
/** How long its hundred bytes may take once the headers are there: a request waits for them. */
const BODY_MS = 1000;

const GUESS: KnownLayouts = { layouts: [GLEP_75, FLAT], guessed: true };

/** The layouts of the mirrors: a mirror's layout.conf is fetched by the first who needs it, once a day where there is one. */
export class MirrorLayouts {
  readonly #records;
  readonly #get: Get;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #elapsed: () => number;
  readonly #memory = new Map<string, Remembered>();
  readonly #failedAt = new Map<string, number>();
  readonly #fetching = new Map<string, Promise<void>>();
  #stopped = new AbortController();

  /** `now`: milliseconds since the epoch; `elapsed`: since some moment. */
  constructor(
    components: { db: Database; get: Get; log: Logger },
    { now, elapsed }: { now: () => number; elapsed: () => number },
  ) {
    this.#records = components.db.sublevel<string, LayoutRecord>("mirror-layouts", { valueEncoding: "json" });
    this.#get = components.get;
    this.#log = components.log;
    this.#now = now;
    this.#elapsed = elapsed;
  }

  /** Reads what earlier runs remembered. */
  async start(mirrors: readonly Mirror[]): Promise<void> {
    this.#stopped = new AbortController();
    for (const { url } of mirrors) {
      const record = await this.#records.get(url);
      if (record !== undefined) this.#memory.set(url, remembered(record));
    }
  }

  /**
   * The layouts of `mirror`. Fetches its layout.conf when none is remembered; all who need it meanwhile share that.
   * When it cannot be had, an old one serves, or a guess. Throws only the signal's reason.
   */
  async of(mirror: Mirror, signal: AbortSignal): Promise<KnownLayouts> {
    const { url } = mirror;
    if (!this.#isFresh(url) && !this.#failedLately(url)) await abortable(this.#share(mirror), signal);
    return this.known(mirror) ?? GUESS;
  }

  /** What is remembered, without asking anybody. */
  known({ url }: Mirror): KnownLayouts | undefined {
    const record = this.#memory.get(url);
    return record && { layouts: record.layouts, guessed: false };
  }

  /** Lets go of what is being fetched. */
  stop(): void {
    this.#stopped.abort(new SourceError("REFUSED", "the agent is stopping"));
  }

  /** What is from the future was remembered before the clock was set back: nobody knows how old it is. */
  #isFresh(url: string): boolean {
    const { at, lasts } = this.#memory.get(url) ?? { at: -Infinity, lasts: 0 };
    const ageMs = this.#now() - at;
    return ageMs >= 0 && ageMs < lasts;
  }

  #failedLately(url: string): boolean {
    return this.#elapsed() - (this.#failedAt.get(url) ?? -Infinity) < RETRY_MS;
  }

  #share(mirror: Mirror): Promise<void> {
    let fetching = this.#fetching.get(mirror.url);
    if (fetching === undefined) {
      fetching = this.#fetch(mirror).finally(() => this.#fetching.delete(mirror.url));
      this.#fetching.set(mirror.url, fetching);
    }
    return fetching;
  }

  async #fetch(mirror: Mirror): Promise<void> {
    try {
      const text = mirror.kind === "server" ? await this.#download(mirror.url) : await readOrNull(mirror.path);
      const record = { at: this.#now(), text };
      this.#memory.set(mirror.url, remembered(record));
      this.#failedAt.delete(mirror.url);
      await this.#records.put(mirror.url, record);
    } catch (error) {
      this.#failedAt.set(mirror.url, this.#elapsed());
      const shown = withoutCredentials(mirror.url);
      this.#log.debug({ mirror: shown }, `no layout.conf from ${shown}: ${messageOf(error)}`);
    }
  }

  /** The text, or null on 404. A captive portal's page with 200 is neither. */
  async #download(url: string): Promise<string | null> {
    const answer = await this.#get(`${url}/distfiles/layout.conf`, this.#stopped.signal);
    if (answer.status === 404 || answer.status === 410) {
      letGo(answer);
      return null;
    }
    const text = answer.status === 200 ? await readText(answer) : "";
    answer.body.destroy();
    if (isLayoutConf(text)) return text;
    throw new SourceError("BAD_STATUS", `${answer.url} answered ${answer.status} without a layout`, {
      status: answer.status,
    });
  }
}

function remembered({ at, text }: LayoutRecord): Remembered {
  if (text === null) return { at, lasts: REMEMBER_ABSENT_MS, layouts: [FLAT] };
  return { at, lasts: REMEMBER_MS, layouts: parseLayoutConf(text) };
}

async function readText({ body, url }: UpstreamAnswer): Promise<string> {
  const stall = new SourceError("STALLED", `${url}: the body does not come`);
  const timer = setTimeout(() => body.destroy(stall), BODY_MS);
  try {
    let text = "";
    for await (const chunk of body.setEncoding("utf8") as AsyncIterable<string>) {
      text += chunk;
      if (text.length > MAX_LENGTH) return "";
    }
    return text;
  } finally {
    clearTimeout(timer);
  }
}

/** @throws system errors other than `ENOENT`. */
async function readOrNull(dir: string): Promise<string | null> {
  try {
    return await readRegularText(join(dir, "layout.conf"));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}
