import type { DistswarmError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { count } from "../core/text/words.ts";

/** What keeps the store from keeping blobs: the log is told once, the status for as long as it lasts. */
export class Trouble {
  readonly #log: Logger;
  #problem: string | undefined;
  #told: string | undefined;
  #lost: string | undefined;

  constructor({ log }: { readonly log: Logger }) {
    this.#log = log;
  }

  /** Why nothing can be kept now, with the mend; undefined when all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What an administrator should know or mend, each one plain line. */
  warnings(): string[] {
    return [this.#problem ?? [], this.#lost ?? []].flat();
  }

  /**
   * How the last write went: nothing when it worked. The log is told of each kind of fault once, until a write works: of
   * each file it hears from who wanted to keep it.
   */
  wrote(fault?: DistswarmError): void {
    const kind = fault && kindOf(fault);
    if (fault !== undefined && kind !== this.#told) this.#log.error(fault.message);
    this.#told = kind;
    this.#problem = fault?.message;
  }

  /** A look shows whether a fault is there that may come and go without a write. */
  looked(fault: DistswarmError, isThere: boolean): void {
    if (isThere || this.#told === kindOf(fault)) this.wrote(isThere ? fault : undefined);
  }

  /** The store's directory was not there at the start, though there were so many blobs in it before. */
  lost(dir: string, blobs: number): void {
    const gone = `${count(blobs, "blob")} of before ${blobs === 1 ? "is" : "are"} not there`;
    this.#lost = `${dir} was empty at the start, and ${gone}: if its disk was not mounted, mount it and restart distswarm`;
  }
}

function kindOf({ code, facts }: DistswarmError): string {
  return `${code} ${String(facts["system"])}`;
}
