import type { Digest } from "../core/digest.ts";
import type { Distfile, KnownDistfile, Want } from "../core/distfile.ts";
import type { DistfileIndex } from "../core/distfile-index.ts";
import { DistswarmError } from "../core/errors.ts";
import type { Upstream } from "../core/upstream.ts";
import { parseMirrorUrl } from "./mirror-url.ts";

/** How long a request waits for changed Manifests to be read, in ms: the cost of a miss is the product. */
const CATCH_UP_MS = 1000;

/** A miss within this time after the last look at the tree does not look again, in ms. */
const CAUGHT_UP_FOR_MS = 2000;

/**
 * What a name stands for. `known`: one digest. `ambiguous`: several, so the name alone does not tell. `undigested`: a
 * Manifest names it without BLAKE2B. `unknown`: no Manifest names it.
 */
export type Resolution =
  | { readonly kind: "known"; readonly want: Want }
  | { readonly kind: "ambiguous"; readonly distfiles: readonly Distfile[] }
  | { readonly kind: "undigested" | "unknown" };

/** What resolving uses. */
interface ResolverComponents {
  readonly index: DistfileIndex;
  readonly upstream: Pick<Upstream, "isMirror" | "nameOf">;
}

/** Name, URL or digest -> what is wanted, by the Manifests on this box. */
export class Resolver {
  readonly #index: DistfileIndex;
  readonly #upstream: ResolverComponents["upstream"];
  #caughtUpAt = Number.NEGATIVE_INFINITY;

  constructor(components: ResolverComponents) {
    this.#index = components.index;
    this.#upstream = components.upstream;
  }

  /**
   * The name that a URL certainly means: that below a mirror's `/distfiles/`, or that of a known SRC_URI.
   * `v1.6.0.tar.gz` at the end of any other URL means nothing.
   */
  async nameInUrl(url: URL): Promise<string | undefined> {
    const below = parseMirrorUrl(url);
    if (below?.proven || (below !== undefined && this.#upstream.isMirror(url))) return below.name;
    return this.#upstream.nameOf(url.href);
  }

  /**
   * What `name` stands for; `urls` are what the client named, if it did. A name that no Manifest knows may come from a sync
   * a moment ago: changed Manifests are read first.
   *
   * @throws {DistswarmError} `INDEX_NOT_READY` when the name is not known, and the Manifests have not all been read yet.
   */
  async byName(name: string, urls: readonly string[] = []): Promise<Resolution> {
    const known = await this.#lookUpName(name, urls);
    if (known.kind !== "unknown") return known;
    await this.#catchUp();
    const caughtUp = await this.#lookUpName(name, urls);
    if (caughtUp.kind === "unknown" && !this.#index.ready) throw notReady();
    return caughtUp;
  }

  /**
   * What a digest stands for; undefined when no Manifest on this box has it, changed ones included.
   *
   * @throws {DistswarmError} `INDEX_NOT_READY` when the Manifests could not all be read in time.
   */
  async byDigest(digest: Digest): Promise<Want | undefined> {
    const known = (await this.#index.byDigest(digest)) ?? (await this.#byDigestAfterCatchUp(digest));
    return known === undefined ? undefined : wantOf(known);
  }

  async #byDigestAfterCatchUp(digest: Digest): Promise<KnownDistfile | undefined> {
    const inTime = await this.#catchUp();
    const known = await this.#index.byDigest(digest);
    if (known === undefined && !(inTime && this.#index.ready)) throw notReady();
    return known;
  }

  async #lookUpName(name: string, urls: readonly string[]): Promise<Resolution> {
    const distfiles = await this.#index.byName(name);
    if (distfiles.length > 1) return { kind: "ambiguous", distfiles };
    const known = distfiles[0] && (await this.#index.byDigest(distfiles[0].digest));
    if (known === undefined) return { kind: (await this.#index.isUndigested(name)) ? "undigested" : "unknown" };
    const want = { ...wantOf(known), names: nameFirst(name, known.names), ...(urls.length > 0 && { urls }) };
    return { kind: "known", want };
  }

  /** Whether the tree has been looked at to the end. */
  async #catchUp(): Promise<boolean> {
    if (performance.now() - this.#caughtUpAt < CAUGHT_UP_FOR_MS) return true;
    const signal = AbortSignal.timeout(CATCH_UP_MS);
    await this.#index.catchUp({ signal });
    if (signal.aborted) return false;
    this.#caughtUpAt = performance.now();
    return true;
  }
}

function wantOf(known: KnownDistfile): Want {
  return { digest: known.digest, size: known.size, names: known.names, packages: known.packages };
}

function nameFirst(name: string, names: readonly string[]): readonly string[] {
  return [name, ...names.filter((other) => other !== name)];
}

function notReady(): DistswarmError {
  return new DistswarmError("INDEX_NOT_READY", "the Manifests are still being read: ask again in a moment");
}
