import { createReadStream } from "node:fs";
import { DigestHash } from "../core/digest.ts";
import { DistswarmError, hasCode, messageOf, SourceError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { SnapshotFile, SnapshotPart } from "../core/snapshots.ts";
import type { Source, SourceFinder } from "../core/source.ts";
import type { DatedAnnouncement } from "./announcement.ts";
import { StagedCopy } from "./staged-copy.ts";
import { fileName } from "./name.ts";
import type { Throttle } from "./throttle.ts";
import { makeStagingDir } from "./staging.ts";
import type { Transfers } from "./transfers.ts";
import type { UnitPaths } from "./verify.ts";

/** What a download from peers uses. */
interface PeerDownloadComponents {
  readonly peers: SourceFinder;
  readonly transfers: Transfers;
  readonly log: Logger;
  /** Holds it back while nobody waits for it. */
  readonly throttle?: Throttle | undefined;
  readonly signal: AbortSignal;
}

/**
 * Brings files that peers announce to `paths`, each by its digest, asking each peer once. What is there already is resumed.
 * The bytes have their digests then; whether they are a tree snapshot is for the caller to verify.
 *
 * @throws {DistswarmError} `NO_SOURCE` when no peer could give one of them; {SourceError} `BUSY` when one may give it
 * when it is asked again: a box gives a large blob to one reader at a time.
 */
export async function downloadFromPeers(
  { date, files }: DatedAnnouncement,
  { parts, paths }: { parts: readonly SnapshotPart[]; paths: UnitPaths },
  components: PeerDownloadComponents,
): Promise<void> {
  await makeStagingDir(paths);
  for (const part of parts) {
    await new BlobDownload(files[part], fileName(date, part), components).run(paths[part]);
  }
}

/** What came of a source, or of all: `busy` ones may give it when they are asked again. */
type Outcome = "complete" | "busy" | "failed";

/** One file of it. */
class BlobDownload {
  readonly #file: SnapshotFile;
  readonly #name: string;
  readonly #components: PeerDownloadComponents;

  constructor(file: SnapshotFile, name: string, components: PeerDownloadComponents) {
    this.#file = file;
    this.#name = name;
    this.#components = components;
  }

  async run(path: string): Promise<void> {
    const copy = await StagedCopy.open(path);
    copy.expect(this.#file.size);
    try {
      await this.#components.transfers.during(copy, { name: this.#name, kind: "peer" }, () => this.#fill(copy));
    } finally {
      await copy.close();
    }
  }

  async #fill(copy: StagedCopy): Promise<void> {
    if (await this.#isComplete(copy)) return;
    if (copy.received >= this.#file.size) await copy.restart();
    const outcome = await this.#round(copy);
    if (outcome === "busy") throw new SourceError("BUSY", `all who have ${this.#name} give it to others now`);
    if (outcome === "failed") throw new DistswarmError("NO_SOURCE", `no peer could give ${this.#name}`);
  }

  /** Tries all who hold it now. */
  async #round(copy: StagedCopy): Promise<Outcome> {
    const want = { ...this.#file, names: [], packages: [] };
    let best: Outcome = "failed";
    for await (const source of this.#components.peers.sources(want, { signal: this.#components.signal })) {
      const outcome = await this.#take(copy, source);
      if (outcome === "complete") return outcome;
      if (outcome === "busy") best = outcome;
    }
    return best;
  }

  async #take(copy: StagedCopy, source: Source): Promise<Outcome> {
    const { signal, log } = this.#components;
    const offset = copy.received;
    try {
      await this.#copyFrom(source, copy);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SourceError)) throw error;
      log.debug(`${this.#name} from ${source.label}: ${messageOf(error)}`);
      return hasCode(error, "BUSY", "ABSENT") ? "busy" : "failed"; // who is busy names others, who may not have it yet
    }
    if (await this.#isComplete(copy)) return "complete";
    await copy.restart();
    if (offset > 0) return this.#take(copy, source); // bytes of several sources prove nothing against any of them
    log.warn(`${source.label} sent ${this.#name} with another digest`);
    source.blame();
    return "failed";
  }

  async #copyFrom(source: Source, copy: StagedCopy): Promise<void> {
    const { signal, throttle } = this.#components;
    const { bytes } = await source.open({ offset: copy.received, signal });
    copy.source = source.label;
    for await (const chunk of bytes) {
      const received = copy.received + chunk.length;
      if (received > this.#file.size) throw new SourceError("BAD_LENGTH", "more bytes than announced");
      await throttle?.take(chunk.length, signal);
      await copy.append(chunk);
    }
    if (copy.received < this.#file.size) throw new SourceError("BROKEN", "the body ended early");
  }

  async #isComplete(copy: StagedCopy): Promise<boolean> {
    if (copy.received !== this.#file.size) return false;
    const hash = new DigestHash();
    for await (const chunk of createReadStream(copy.path)) hash.update(chunk as Buffer);
    return hash.digest() === this.#file.digest;
  }
}
