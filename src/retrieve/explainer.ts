import type { Attempt } from "../core/report/attempt.ts";
import type { BlobStore } from "../core/blob-store.ts";
import { isDigest, type Digest } from "../core/digest.ts";
import type { KnownDistfile, Want } from "../core/distfile.ts";
import type { DistfileIndex } from "../core/distfile-index.ts";
import type { ExplainedFile, Explanation } from "../core/report/explanation.ts";
import type { SnapshotServer } from "../core/snapshots.ts";
import type { Withheld } from "../core/source.ts";
import { lastSegment } from "./mirror-url.ts";
import type { Resolver } from "./resolver.ts";
import type { Retriever, RetrieverComponents } from "./retriever.ts";

/** Sources listed at most; a package with hundreds of mirrors tells nothing more. */
const LISTED_SOURCES = 50;

/** Of a digest that was shortened; fewer characters tell too little. */
const DIGEST_START = /^[0-9a-f]{8,127}$/;

/** How long the sources may take to be listed, in ms: a mirror's layout may have to be read. */
const LISTING_MS = 3000;

/** What explaining uses. */
export interface ExplainerComponents {
  readonly index: DistfileIndex;
  readonly resolver: Resolver;
  readonly store: BlobStore;
  readonly retriever: Retriever;
  /** In the order of the asking. */
  readonly sources: RetrieverComponents["sources"];
  readonly snapshots: Pick<SnapshotServer, "find">;
  /** Which repositories have an md5-cache, so that their SRC_URI are known. */
  readonly upstream: { reach(): Promise<readonly { readonly repo: string; readonly md5Cache: boolean }[]> };
}

/** Tells what a name, URL or digest is, whether it is here, where it would come from, and what happened last time. */
export class Explainer {
  readonly #components: ExplainerComponents;

  constructor(components: ExplainerComponents) {
    this.#components = components;
  }

  /** Explains what a person asked about. */
  async explain(asked: string): Promise<Explanation> {
    const text = asked.trim();
    const hex = text.toLowerCase().replace(/…$/, "");
    if (isDigest(hex)) return this.#explainDigest(hex);
    const [meant, other] = DIGEST_START.test(hex) ? await this.#components.index.digestsFrom(hex) : [];
    if (other !== undefined) {
      return { asked: hex, kind: "digest", meaning: "several digests begin so: give more of the one", files: [] };
    }
    if (meant !== undefined) return this.#explainDigest(meant);
    return URL.canParse(text) ? this.#explainUrl(new URL(text)) : this.#explainName(text);
  }

  async #explainDigest(digest: Digest): Promise<Explanation> {
    const known = await this.#components.index.byDigest(digest);
    const asked = { asked: digest, kind: "digest" as const };
    if (known !== undefined) {
      return { ...asked, meaning: `the digest of ${known.names.join(", ")}`, files: [await this.#file(known)] };
    }
    const here = await this.#components.store.find(digest);
    const meaning = "a digest that no Manifest on this box has";
    if (here === undefined) return { ...asked, meaning, files: [] };
    const file = await this.#file({ digest, size: here.size, names: [], packages: [] });
    return { ...asked, meaning: `${meaning}; its blob is here and is served`, files: [file] };
  }

  async #explainName(name: string): Promise<Explanation> {
    const files = await this.#filesNamed(name);
    return { asked: name, kind: "name", meaning: await this.#meaningOfName(name, files.length), files };
  }

  async #explainUrl(url: URL): Promise<Explanation> {
    const name = await this.#components.resolver.nameInUrl(url);
    const explained = { asked: url.href, kind: "url" as const };
    if (name !== undefined) {
      return { ...explained, meaning: `the distfile ${name}`, files: await this.#filesNamed(name, url.href) };
    }
    const last = lastSegment(url);
    const files = last === undefined ? [] : await this.#filesNamed(last);
    const kept = files.length > 0 ? `, and is kept if its bytes turn out to be ${last}` : "";
    return { ...explained, meaning: `no URL of a known distfile: it passes through${kept}`, files };
  }

  async #filesNamed(name: string, url?: string): Promise<ExplainedFile[]> {
    const distfiles = await this.#components.index.byName(name);
    const known = await Promise.all(distfiles.map(({ digest }) => this.#components.index.byDigest(digest)));
    const found = known.filter((one) => one !== undefined);
    return Promise.all(found.map((one) => this.#file(one, { name, ...(url && { url }) })));
  }

  async #meaningOfName(name: string, digests: number): Promise<string> {
    if (digests === 1) return "a distfile";
    if (digests > 1)
      return `a name with ${digests} digests: by its name alone it passes through, by digest it is served`;
    if ((await this.#components.snapshots.find(name)) !== undefined) {
      return "a file of a tree snapshot, verified and kept here";
    }
    const undigested = await this.#components.index.isUndigested(name);
    return undigested
      ? "a distfile without a BLAKE2B digest: it passes through"
      : "a name that no Manifest on this box has";
  }

  async #file(known: KnownDistfile, asked: { name?: string; url?: string } = {}): Promise<ExplainedFile> {
    const { store, retriever } = this.#components;
    const names = [...(asked.name ? [asked.name] : []), ...known.names.filter((name) => name !== asked.name)];
    const info = await store.find(known.digest);
    const sources = await this.#sources({ ...known, names, ...(asked.url && { urls: [asked.url] }) });
    const withheld = await this.#components.sources.upstream.withheld(known);
    const { attempts, claims } = retriever.story(known.digest);
    const missedForMs = retriever.missedForMs(known.digest);
    const unreached = await this.#withoutSrcUri(known);
    const transfer = retriever.transfers().find((one) => one.digest === known.digest);
    return {
      digest: known.digest,
      size: known.size,
      names,
      packages: known.packages.map((ref) => ref.package),
      ...(info && { here: { where: info.where, path: info.path } }),
      ...(transfer && { transfer }),
      sources,
      ...(missedForMs > 0 && { missed_for_seconds: Math.ceil(missedForMs / 1000) }),
      ...(withheld.length > 0 && { withheld: withheld.map(({ text }) => text) }),
      ...(unreached.length > 0 && { without_src_uri: unreached }),
      attempts,
      claims,
      why: whyUpstream({ here: info !== undefined, missedForMs, sources, withheld, attempts }),
    };
  }

  async #withoutSrcUri({ packages }: Want): Promise<string[]> {
    const repos = new Set(packages.map(({ repo }) => repo));
    const reach = await this.#components.upstream.reach();
    return reach.filter(({ repo, md5Cache }) => !md5Cache && repos.has(repo)).map(({ repo }) => repo);
  }

  async #sources(want: Want): Promise<ExplainedFile["sources"]> {
    const sources: ExplainedFile["sources"][number][] = [];
    const signal = AbortSignal.timeout(LISTING_MS);
    try {
      for (const finder of Object.values(this.#components.sources)) {
        for await (const { kind, label } of finder.sources(want, { signal })) {
          sources.push({ kind, source: label });
          if (sources.length === LISTED_SOURCES) return sources;
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return sources;
  }
}

/** Why upstream was, or would be, used for a file; or why not. */
function whyUpstream(facts: {
  here: boolean;
  missedForMs: number;
  sources: ExplainedFile["sources"];
  withheld: readonly Withheld[];
  attempts: readonly Attempt[];
}): string {
  const { here, missedForMs, sources, withheld, attempts } = facts;
  const peersTried = attempts.some((attempt) => attempt.kind === "peer");
  const fromUpstream = attempts.some((attempt) => attempt.kind === "upstream" && attempt.outcome === "ok");
  if (fromUpstream && peersTried) return "It came from upstream: peers were asked first and could not give it whole.";
  if (fromUpstream) return "It came from upstream: no peer had it when it was asked for.";
  const giver = attempts.findLast((attempt) => attempt.kind === "peer" && attempt.outcome === "ok");
  if (here && giver !== undefined) return `It came from ${giver.source}, a peer: upstream was not asked.`;
  if (here) return "It is here: no source is asked.";
  const ban = sources.length === 0 ? withheld.find(({ reason }) => reason === "fetch") : undefined;
  if (ban !== undefined) return `Nobody is asked: ${ban.text}.`;
  if (missedForMs > 0) {
    return `Nobody had it a moment ago: for another ${Math.ceil(missedForMs / 1000)} s that is the answer (404), without asking.`;
  }
  if (sources[0]?.kind === "peer") return "Peers have it: upstream is asked only if they fail.";
  return sources.length > 0 ? "No peer has it: upstream will be asked." : "Nobody is known who has it.";
}
