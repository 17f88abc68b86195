import type { Socket } from "node:net";
import type { buildConnector } from "undici";
import { parserOf, readLeniently } from "./lenient-parser.ts";

/**
 * Stands for ECONNRESET, which undici takes for the end of a body without a length ("on Mac OS", `onHttpSocketError`): what
 * passes through would be cut short, and look whole.
 */
const RESET = "RESET";

/** What the system says of a connection that the other side has left. */
const BREAKS = new Set(["ECONNRESET", "EPIPE"]);

/** What undici tells with its own faults of a socket, and we with the system's. */
interface SocketFault {
  code?: string;
  socket?: { readonly bytesRead: number };
}

/**
 * One of undici's connectors, with sockets that a server may close while the body of its answer waits for a slow
 * reader. undici 7 asserts there that its parser is not paused, where nobody can catch it, so that any such server ends
 * the process (https://github.com/nodejs/undici/issues/5360; mended in undici 8, which needs Node 22). Here the parser
 * is told to take what is left first: no more than the buffer of a socket. A reset is never the end of a body here.
 */
export function closable(connect: buildConnector.connector): buildConnector.connector {
  return (target, connected) =>
    connect(target, (...result) => {
      const [, socket] = result;
      if (socket) readLeniently(socket);
      socket?.prependListener("end", () => takeRest(socket));
      socket?.prependListener("error", (error: SocketFault) => {
        if (!BREAKS.has(error.code ?? "")) return;
        error.socket = { bytesRead: socket.bytesRead };
        if (error.code === "ECONNRESET") error.code = RESET;
      });
      connected(...result);
    });
}

/**
 * Whether a request failed as its connection broke, which had brought bytes by then. Unless its own answer had begun, they
 * were of an earlier one, and the server may just have closed what it kept. Of https all connections pass for kept, as the
 * handshake brought bytes, too.
 */
export function wasKept(error: unknown): boolean {
  return ((error as SocketFault | undefined)?.socket?.bytesRead ?? 0) > 0;
}

/** Where it is still paused after the last byte, undici is to find it ready for the end of the body. */
function takeRest(socket: Socket): void {
  const parser = parserOf(socket);
  if (parser?.paused !== true) return;
  do parser.resume();
  while (parser.paused && !socket.destroyed && socket.readableLength > 0);
  if (!parser.paused || socket.destroyed || parser.statusCode === 0) return;
  parser.llhttp.llhttp_resume(parser.ptr);
  parser.paused = false;
}
