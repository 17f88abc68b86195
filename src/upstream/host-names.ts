import dns, { type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { SourceError } from "../core/errors.ts";
import { Recent } from "../core/data/recent.ts";

/** How long a host's addresses serve for further connections, in ms: what fetches one file mostly fetches another. */
const FRESH_MS = 10_000;

/** How long name servers may take, in ms: as long as wget would wait. glibc gives up sooner, mostly. */
const PATIENCE_MS = 60_000;

/**
 * Looks up the hosts that connections go to. A name server that is gone costs glibc 5 s and more for each name, and of Node's
 * threads two at a time wait for it: so a connection's own time begins when its host is looked up, and who asks for the
 * same host shares the answer.
 */
export class HostNames {
  readonly #known = new Recent<readonly LookupAddress[]>({ ttlMs: FRESH_MS, now: () => performance.now() });
  readonly #running = new Map<string, Promise<readonly LookupAddress[]>>();

  /** For `net.connect`: answers at once for who waited for {@link ready}. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    const [first, ...rest] = this.#known.get(host) ?? [];
    if (first === undefined) dns.lookup(host, options, callback);
    else if (options.all === true) process.nextTick(callback, null, [first, ...rest]);
    else process.nextTick(callback, null, first.address, first.family);
  };

  /**
   * Resolves when the addresses of `host` are known.
   *
   * @throws system errors of the look-up; {SourceError} `REFUSED` where name servers take too long.
   */
  async ready(host: string): Promise<void> {
    if (isIP(host) !== 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new SourceError("REFUSED", `no name server tells of ${host}`)), PATIENCE_MS);
      timer.unref();
    });
    await Promise.race([this.#addressesOf(host), late]).finally(() => clearTimeout(timer));
  }

  async #addressesOf(host: string): Promise<readonly LookupAddress[]> {
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    const running = this.#running.get(host) ?? lookUp(host).finally(() => this.#running.delete(host));
    this.#running.set(host, running);
    const addresses = await running;
    this.#known.remember(host, addresses);
    return addresses;
  }
}

/** With `ADDRCONFIG`, as `net.connect` does it: no IPv6 for a box without. */
function lookUp(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    dns.lookup(host, { all: true, hints: dns.ADDRCONFIG }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });
}
