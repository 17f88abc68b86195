/**
 * A zoo of mock mirrors on loopback, for tests of whatever fetches from mirrors.
 *
 *     const files = { "foo-1.tar.xz": randomBytes(2 * MiB) };
 *     await using bad = await startMirror(stallsAfterHeaders, files);
 *     await using good = await startMirror(well, files, { layout: "filename-hash" });
 *     ... upstream.mirrors = [bad.url, good.url] ...
 *     expect(good.files()).toHaveLength(1);
 *
 * Behaviours are in behaviours.ts: single ones (`cut`), makers (`slow(1000)`), and makers of others (`atFirst(cut, 2)`).
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { says, well } from "./behaviours.ts";
import { LAYOUT_CONF, catalogue, type MirrorFiles, type MirrorLayout } from "./catalogue.ts";
import type { Behaviour } from "./exchange.ts";

export * from "./behaviours.ts";
export type { MirrorFiles } from "./catalogue.ts";
export type { Behaviour, Exchange } from "./exchange.ts";

/** A request as a mock mirror got it. */
export interface LoggedRequest {
  readonly method: string;
  /** As in the request line. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** The client's port: the same for requests over one connection. */
  readonly port: number;
}

/** What a mock mirror may be beside its behaviour. */
interface MirrorOptions {
  /** @default "none" */
  readonly layout?: MirrorLayout;
  /** How requests for layout.conf are answered. @default rightly, whatever the behaviour is */
  readonly layoutBehaviour?: Behaviour;
  /** Speak TLS with this key and certificate (PEM). */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A running mock mirror. */
export interface MockMirror extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, as it would stand in GENTOO_MIRRORS. */
  readonly url: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly LoggedRequest[];
  /** Those for anything but layout.conf. */
  files(): readonly LoggedRequest[];
  /** Connections open now. */
  connections(): number;
  /** Resolves at the next request for anything but layout.conf. */
  asked(): Promise<void>;
  /** Behaves otherwise from now on. */
  become(behaviour: Behaviour): void;
  /** Closes the port and every connection. */
  close(): Promise<void>;
}

/** Starts a mirror on a port of its own. */
export async function startMirror(
  behaviour: Behaviour,
  files: MirrorFiles,
  options: MirrorOptions = {},
): Promise<MockMirror> {
  const requests: LoggedRequest[] = [];
  const waiting: (() => void)[] = [];
  const find = catalogue(files, options.layout ?? "none");
  let current = behaviour;

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const path = new URL(request.url ?? "/", server.url).pathname;
    const isLayout = path === LAYOUT_CONF;
    requests.push(logged(request));
    if (!isLayout) for (const wake of waiting.splice(0)) wake();
    const found = find(path);
    const exchange = { request, response, url: server.url, ...(found ?? { name: path, file: Buffer.alloc(0) }) };
    if (isLayout && options.layoutBehaviour !== undefined) void options.layoutBehaviour(exchange);
    else if (found === undefined) void says(404)(exchange);
    else void (isLayout ? well : current)(exchange);
  };

  const server = await listen(
    options.tls ? createTlsServer(options.tls, answer) : createServer(answer),
    options.tls && "https",
  );
  return {
    url: server.url,
    requests,
    files: () => requests.filter(({ url }) => !url.endsWith(LAYOUT_CONF)),
    connections: () => server.sockets.size,
    asked: () => new Promise<void>((resolve) => void waiting.push(resolve)),
    become: (other) => {
      current = other;
    },
    close: server.close,
    [Symbol.asyncDispose]: server.close,
  };
}

/** The URL of a mirror that refuses connections: a port that was free a moment ago. */
export async function refusingMirror(): Promise<string> {
  const { url, close } = await listen(createServer());
  await close();
  return url;
}

/** A server on a free port of 127.0.0.1 that can be closed at once, open connections and all. */
export async function listen(
  server: Server,
  scheme = "http",
): Promise<{ url: string; sockets: ReadonlySet<Socket>; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return { url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets, close };
}

function logged({ method = "", url = "", headers, rawHeaders, socket }: IncomingMessage): LoggedRequest {
  return { method, url, headers, rawHeaders, port: socket.remotePort ?? 0 };
}
