import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { startBox, type Box, type BoxOptions } from "../support/box.ts";
import { pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { startMirror, well, type MirrorFiles, type MockMirror } from "../support/zoo/zoo.ts";

/** A distfile whose name has to be written with care in a URL. */
export const file = testFile("hello+world~1.0@x.tar.gz", 700_000);
/** One whose name has what looks like an encoded slash. */
export const literal = testFile("github.com%2Ffhs%2F@v%2Fv2.3.0.mod", 300);
/** The path of {@link file} by its digest. */
export const byDigest = pathByDigest(file);

/** The config of a box whose doors are not for us. */
export const FOR_OTHERS = { proxy: { listen: ["127.0.0.1:0"], allow: ["10.0.0.0/8"] } };

/** A box, and its mirror; both are closed when the test ends. */
interface BoxAndMirror {
  readonly box: Box;
  readonly mirror: MockMirror;
}

/** A box that knows {@link file} and {@link literal}; its mirror has these, `unknown.txt`, and a tree snapshot. */
export async function boxAndMirror(options: BoxOptions = {}): Promise<BoxAndMirror> {
  const others = { "unknown.txt": Buffer.from("unknown"), "/snapshots/s.tar.xz": Buffer.from("tree") };
  return start({ ...named([file, literal]), ...others }, { files: [file, literal], ...options });
}

/** A box that knows these files, which its mirror has. */
export async function boxThatKnows(files: readonly TestFile[]): Promise<BoxAndMirror> {
  return start(named(files), { files });
}

async function start(served: MirrorFiles, options: BoxOptions): Promise<BoxAndMirror> {
  const mirror = await startMirror(well, served, { layout: "filename-hash" });
  onTestFinished(() => mirror.close());
  const box = await startBox({ mirrors: [mirror.url], ...options });
  onTestFinished(() => box.close());
  return { box, mirror };
}

function named(files: readonly TestFile[]): MirrorFiles {
  return Object.fromEntries(files.map(({ name, bytes }) => [name, bytes]));
}

/** A connection to the doors of a box; it is closed when the test ends. */
export function connectTo(box: Box, options: { readonly allowHalfOpen?: boolean } = {}): Socket {
  const socket = connect({ port: Number(new URL(box.url).port), host: "127.0.0.1", ...options });
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** All that the doors of a box say to these bytes until they close the connection, as latin1. */
export async function say(box: Box, bytes: string): Promise<string> {
  const socket = connectTo(box);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}
