import { Readable } from "node:stream";
import { DistswarmError, SourceError } from "../../../src/core/errors.ts";
import { abortable } from "../../../src/core/async/pulse.ts";
import type { SnapshotPart } from "../../../src/core/snapshots.ts";
import type { MirrorRequest, UpstreamAnswer } from "../../../src/core/upstream.ts";
import { fileName } from "../../../src/snapshot/name.ts";
import type { SnapshotUpstream } from "../../../src/snapshot/upstream-task.ts";
import type { TestUnit } from "./unit.ts";

/** Bytes in a chunk of a body. */
const CHUNK_BYTES = 32 * 1024;

/** What a mirror does for one path: give bytes (with a fault, where that is wanted), or answer a status. */
interface MirrorFile {
  readonly bytes: Buffer;
  /** The first answer breaks off after so many bytes, the second after so many, and so on; the rest is whole. */
  readonly breaksAfter?: number[];
  /** Waits there until the promise resolves. */
  readonly holdsAt?: { readonly byte: number; readonly until: Promise<unknown> };
  readonly ignoresRange?: boolean;
  readonly withoutLength?: boolean;
}

/** One mirror. `down`: every request fails. */
interface TestMirror {
  readonly url: string;
  files: Map<string, MirrorFile>;
  down: boolean;
}

/** The mirrors of a test, in their order, with what {@link Upstream.mirrorPath} promises. No agent waits here. */
export class TestMirrors implements SnapshotUpstream {
  readonly mirrors: TestMirror[] = [];
  /** `GET <path>` or `GET <path> bytes=<n>-` of every request to any mirror. */
  readonly requests: string[] = [];
  /** Bytes of bodies that left. */
  sent = 0;

  /** Adds a mirror that has these units. */
  add(...units: TestUnit[]): TestMirror {
    const mirror = { url: `http://mirror${this.mirrors.length}.example`, files: new Map(), down: false };
    this.mirrors.push(mirror);
    for (const unit of units) publish(mirror, unit);
    return mirror;
  }

  /** How often some mirror was asked for a file. */
  count(date: string, part: SnapshotPart): number {
    const path = `GET /snapshots/${fileName(date, part)}`;
    return this.requests.filter((request) => request.split(" ").slice(0, 2).join(" ") === path).length;
  }

  async mirrorPath(path: string, request: MirrorRequest): Promise<UpstreamAnswer> {
    let absent = this.mirrors.length > 0;
    for (const mirror of this.mirrors) {
      request.signal.throwIfAborted();
      const range = request.headers[request.headers.indexOf("Range") + 1];
      this.requests.push(`GET ${path}${request.headers.includes("Range") ? ` ${range}` : ""}`);
      const file = mirror.files.get(path);
      absent &&= !mirror.down;
      if (mirror.down || file === undefined || request.avoid?.includes(mirror.url + path)) continue;
      return this.#answer(mirror.url + path, file, request);
    }
    throw new DistswarmError(absent ? "NOT_FOUND" : "NO_SOURCE", `nobody has ${path}`);
  }

  isAwaited(): boolean {
    return false;
  }

  onAwaited(): () => void {
    return () => {};
  }

  #answer(url: string, file: MirrorFile, { headers, signal }: MirrorRequest): UpstreamAnswer {
    const size = file.bytes.length;
    const asked = headers.includes("Range") && !file.ignoresRange;
    const start = asked ? Number(/\d+/.exec(headers[headers.indexOf("Range") + 1]!)![0]) : 0;
    if (start >= size && asked) {
      return { status: 416, headers: { "content-range": `bytes */${size}` }, body: Readable.from([]), url };
    }
    const length = file.withoutLength ? {} : { "content-length": String(size - start) };
    const range = asked ? { "content-range": `bytes ${start}-${size - 1}/${size}` } : {};
    const body = Readable.from(
      this.#body(file, { start, end: start + (file.breaksAfter?.shift() ?? Infinity) }, signal),
    );
    return { status: asked ? 206 : 200, headers: { ...length, ...range }, body, url };
  }

  async *#body(file: MirrorFile, range: { start: number; end: number }, signal: AbortSignal): AsyncGenerator<Buffer> {
    for (let at = range.start; at < file.bytes.length; at += CHUNK_BYTES) {
      if (file.holdsAt !== undefined && at >= file.holdsAt.byte) await abortable(file.holdsAt.until, signal);
      signal.throwIfAborted();
      if (at >= range.end) throw new SourceError("BROKEN", "cut off");
      const chunk = file.bytes.subarray(at, at + CHUNK_BYTES);
      this.sent += chunk.length;
      yield chunk;
    }
  }
}

/** Puts a unit's files on a mirror, the tarball with these faults. */
export function publish(mirror: TestMirror, { date, files }: TestUnit, tarball: Partial<MirrorFile> = {}): void {
  for (const part of ["tarball", "signature", "md5sum"] as const) {
    const faults = part === "tarball" ? tarball : {};
    mirror.files.set(`/snapshots/${fileName(date, part)}`, { bytes: files[part], ...faults });
  }
}

/** One mirror that has these units. */
export function mirrorsWith(...units: TestUnit[]): TestMirrors {
  const mirrors = new TestMirrors();
  mirrors.add(...units);
  return mirrors;
}

/** A promise that a test resolves, for a mirror to hold at. */
export function gate(): { until: Promise<void>; open: () => void } {
  let open = (): void => {};
  const until = new Promise<void>((resolve) => (open = resolve));
  return { until, open };
}
