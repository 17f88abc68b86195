import { isAbsolute } from "node:path";
import type { Database } from "../core/database.ts";
import { nameOf, type Want } from "../core/distfile.ts";
import { SourceError } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { parseMirrorLists } from "../core/mirror-lists.ts";
import type { MirrorStatus } from "../core/report/mirror-status.ts";
import type { Source, Withheld } from "../core/source.ts";
import type { ForwardRequest, MirrorRequest, Upstream, UpstreamAnswer } from "../core/upstream.ts";
import { accept, faultOfStatus } from "./answer.ts";
import { Blames } from "./blames.ts";
import { directoryAnswer } from "./directory-answer.ts";
import { DirectorySource } from "./directory-source.ts";
import { EbuildSources } from "./ebuild-sources.ts";
import { Health } from "./health.ts";
import { HttpClient, type HttpClientOptions } from "./http-client.ts";
import type { Addressed } from "./layout.ts";
import { refuseLoop } from "./loop.ts";
import { MirrorLayouts } from "./mirror-layouts.ts";
import { mirrorPlace } from "./mirror-places.ts";
import { firstAnswer, type Asking, type Send } from "./mirror-requests.ts";
import { mirrorStatus } from "./mirror-status.ts";
import { isBelow, isUnrestricted, readMirrorList, type Mirror } from "./mirrors.ts";
import { sendHeadOrGet } from "./refused-head.ts";
import { Repositories } from "./repositories.ts";
import { inOrder, type Candidate, type Place } from "./source-order.ts";
import { SrcUriIndex, type Reach } from "./src-uri-index.ts";
import { UpstreamSource, type SourceParts } from "./upstream-source.ts";
import { WaitingAgents } from "./waiting-agents.ts";

/** What passes through has no second source, so only the client's own patience counts; gemato's is 180 s. */
const FORWARD_PATIENCE_MS = 180_000;
/** The name of the mirrors in /etc/portage/mirrors that Portage asks first, and for every file (fetch.py). */
const LOCAL = "local";

/** Which servers there are, and how to reach them. */
export interface UpstreamMirrorsOptions extends HttpClientOptions {
  /** Mirrors, best first: http and https URLs, and directories of this box. @default none */
  readonly mirrors?: readonly string[];
  /** Lines of /etc/portage/mirrors: `local` mirrors, and what `mirror://NAME/` stands for. @default none */
  readonly customMirrors?: readonly string[];
  /** Directories of the configured ebuild repositories. @default none */
  readonly repos?: readonly string[];
  /** Ours, for `User-Agent`. @default unknown */
  readonly version?: string;
  /** Milliseconds since the epoch, for times that servers name or that outlive this process. @default Date.now */
  readonly now?: () => number;
  /**
   * Milliseconds since some moment, for how long something lasts, whatever the date is set to. @default the system's
   */
  readonly elapsed?: () => number;
}

/** The mirrors and SRC_URI hosts, and the plain way out: see {@link Upstream}. Stopped, it is of no more use. */
export class UpstreamMirrors implements Upstream, Startable {
  readonly #log: Logger;
  #mirrors: readonly Mirror[] = [];
  readonly #client: HttpClient;
  readonly #health: Health;
  readonly #blames: Blames;
  readonly #layouts: MirrorLayouts;
  readonly #repositories: Repositories;
  readonly #index: SrcUriIndex;
  readonly #waiting: WaitingAgents;
  readonly #sourceParts: SourceParts;
  readonly #now: () => number;

  constructor({ db, log }: { db: Database; log: Logger }, options: UpstreamMirrorsOptions = {}) {
    const { mirrors = [], customMirrors = [], repos = [], version = "unknown" } = options;
    const { now = Date.now, elapsed = () => performance.now() } = options;
    this.#now = now;
    this.#log = log;
    this.#client = new HttpClient(options);
    this.#health = new Health({ now: elapsed });
    this.#blames = new Blames({ now: elapsed });
    this.#repositories = new Repositories(repos, { now: elapsed });
    this.useMirrors(mirrors, customMirrors);
    this.#index = new SrcUriIndex({ db, log, repositories: this.#repositories });
    const headers = ["User-Agent", `distswarm/${version}`, "Accept", "*/*", "Accept-Encoding", "identity"];
    const waiting = (this.#waiting = new WaitingAgents({ self: options.via ?? "" }));
    this.#sourceParts = { client: this.#client, health: this.#health, blames: this.#blames, waiting, headers, now };
    const get = (url: string, signal: AbortSignal): Promise<UpstreamAnswer> =>
      this.#send({ url, origin: new URL(url).origin }, { method: "GET", headers, signal });
    this.#layouts = new MirrorLayouts({ db, log, get }, { now, elapsed });
  }

  /** Recalls the mirrors' layouts and begins, in the background, to bring the index of SRC_URI up to date. */
  async start(): Promise<void> {
    await this.#layouts.start(this.#mirrors);
    void this.#index.refresh();
  }

  /** Ends all that is under way. */
  async stop(): Promise<void> {
    this.#layouts.stop();
    await this.#index.stop();
    await this.#client.close();
  }

  /**
   * The `local` mirrors and the others, the URLs that the client named, SRC_URI; see {@link inOrder} for what is asked
   * last.
   */
  async *sources(want: Want, { signal }: { signal: AbortSignal }): AsyncGenerator<Source> {
    for await (const candidate of this.#inOrder(this.#placesOf(want, signal), want)) {
      yield isAbsolute(candidate.url)
        ? new DirectorySource(candidate, want, this.#sourceParts)
        : new UpstreamSource(candidate, want, this.#sourceParts);
    }
  }

  /** See {@link UpstreamFinder.withheld}. */
  async withheld(want: Want): Promise<readonly Withheld[]> {
    return new EbuildSources(want, this.#repositories).withheld();
  }

  /** See {@link UpstreamFinder.isAwaited}. */
  isAwaited(what: string): boolean {
    return this.#waiting.isAwaited(what);
  }

  /** See {@link UpstreamFinder.onAwaited}. */
  onAwaited(what: string, begin: () => void): () => void {
    return this.#waiting.onJoined(what, begin);
  }

  /** From now on these mirrors are asked, best first; what is under way stays with its mirror. */
  useMirrors(mirrors: readonly string[], customMirrors: readonly string[] = []): void {
    const custom = parseMirrorLists(customMirrors.join("\n"));
    this.#repositories.useCustom(custom);
    this.#mirrors = readMirrorList({ local: custom.get(LOCAL) ?? [], mirrors }, this.#log);
  }

  /** See {@link Upstream.forward}. */
  async forward(request: ForwardRequest): Promise<UpstreamAnswer> {
    return this.#client.request({ ...request, patienceMs: FORWARD_PATIENCE_MS });
  }

  /** See {@link Upstream.distfile}. */
  async distfile(name: string, request: MirrorRequest): Promise<UpstreamAnswer> {
    const places = this.#mirrorPlaces(this.#mirrors, [{ name }], request.signal);
    return firstAnswer(name, this.#inOrder(places), this.#asking(request));
  }

  /**
   * See {@link Upstream.mirrorPath}. Neither directories nor mirrors that are only `local` are asked, as by
   * emerge-webrsync.
   */
  async mirrorPath(path: string, request: MirrorRequest): Promise<UpstreamAnswer> {
    const servers = this.#mirrors.filter(({ kind, isGentoo }) => kind === "server" && isGentoo);
    const places = servers.map((mirror) => placeAt(`${mirror.url}${path}`));
    return firstAnswer(path, this.#inOrder(places), { ...this.#asking(request), send: this.#sendNaming(path) });
  }

  /** See {@link Upstream.locate}. */
  async locate(want: Want, request: MirrorRequest): Promise<UpstreamAnswer> {
    const send = this.#sendNaming(want.digest);
    const checked: Send = async (...to) => {
      const answer = await send(...to);
      accept(answer, { size: want.size, offset: 0 }, this.#now());
      return answer;
    };
    const candidates = this.#inOrder(this.#placesOf(want, request.signal), want);
    return firstAnswer(nameOf(want), candidates, {
      ...this.#asking(request),
      send: checked,
      withheld: () => this.withheld(want),
    });
  }

  /** See {@link Upstream.waits}. */
  waits(what: string, agents: readonly string[]): () => void {
    return this.#waiting.add(what, agents);
  }

  /** See {@link Upstream.nameOf}. */
  async nameOf(url: string): Promise<string | undefined> {
    return this.#index.nameOf(url);
  }

  /** See {@link Upstream.neighbours}. */
  async neighbours(want: Want): Promise<readonly (readonly string[])[]> {
    return new EbuildSources(want, this.#repositories).neighbours();
  }

  /** See {@link Upstream.isMirror}. */
  isMirror(url: URL): boolean {
    return this.#mirrors.some((mirror) => isBelow(url, mirror));
  }

  /**
   * Brings the index of SRC_URI up to date: call it when the tree changed. Resolves when that is done; never throws.
   */
  async refresh(): Promise<void> {
    await this.#index.refresh();
  }

  /** Which repositories have an md5-cache: SRC_URI of the others are not known here. */
  async reach(): Promise<Reach[]> {
    return this.#index.reach();
  }

  /** What downloads have taught about the mirrors, in their order, and then about other hosts. */
  mirrorStatus(): MirrorStatus[] {
    return mirrorStatus(this.#mirrors, { health: this.#health, layouts: this.#layouts, now: this.#now() });
  }

  #inOrder(places: AsyncIterable<Place> | Iterable<Place>, want?: Want): AsyncGenerator<Candidate> {
    return inOrder(places, {
      place: (origin) => this.#health.isAvoided(origin),
      url: (url) => want !== undefined && this.#blames.has(url, want.digest),
    });
  }

  async *#placesOf(want: Want, signal: AbortSignal): AsyncGenerator<Place> {
    const { digest, names } = want;
    const ebuilds = new EbuildSources(want, this.#repositories);
    const files = [{ digest }, ...names.map((name) => ({ name, digest }))];
    const mirrors = (await ebuilds.allowMirrors()) ? this.#mirrors : this.#mirrors.filter(isUnrestricted);
    yield* this.#mirrorPlaces(mirrors, files, signal);
    for (const url of want.urls ?? []) yield placeAt(url);
    for await (const url of ebuilds.urls()) yield placeAt(url);
  }

  #mirrorPlaces(mirrors: readonly Mirror[], files: readonly Addressed[], signal: AbortSignal): Place[] {
    return mirrors.map((mirror) => mirrorPlace(mirror, files, () => this.#layouts.of(mirror, signal)));
  }

  #asking(request: MirrorRequest): Asking {
    return { send: (...to) => this.#send(...to), request, now: this.#now };
  }

  /** The same to what may be an agent: it is told who waits here for `what`, a digest or a path. */
  #sendNaming(what: string): Send {
    return (to, asked) =>
      this.#waiting.send(what, asked.signal, (via, signal) =>
        this.#send(to, { ...asked, headers: [...asked.headers, ...via], signal }),
      );
  }

  /** A request that nothing is checked of; the server's faults are remembered all the same. */
  async #send({ url, origin }: Candidate, request: MirrorRequest): Promise<UpstreamAnswer> {
    this.#health.asked(origin);
    try {
      const answer = isAbsolute(url)
        ? await directoryAnswer(url, request)
        : await sendHeadOrGet(request, (asked) => this.#client.request({ ...asked, url, followRedirects: true }));
      refuseLoop(answer, request.headers);
      if (answer.status >= 400) this.#health.failed(origin, faultOfStatus(answer, 0, this.#now()));
      return answer;
    } catch (error) {
      if (error instanceof SourceError && !request.signal.aborted) this.#health.failed(origin, error);
      throw error;
    }
  }
}

/** A place of one URL. */
function placeAt(url: string): Place {
  return { origin: new URL(url).origin, urls: async () => [url] };
}
