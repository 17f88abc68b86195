import type { Socket } from "node:net";

/** undici's HTTP/1 parser, as far as it is used here: `llhttp` has the functions of its WebAssembly module. */
export interface Parser {
  paused: boolean;
  /** 0 between answers. */
  readonly statusCode: number;
  readonly ptr: number;
  readonly llhttp: Llhttp;
  resume(): void;
  onHeadersComplete(status: number, upgrade: boolean, shouldKeepAlive: boolean): number;
}

type Llhttp = { llhttp_resume(ptr: number): void } & Record<Leniency, (ptr: number, on: 1) => void>;

type Leniency = (typeof LENIENT)[number];

/**
 * What wget and curl take of servers, and llhttp by itself does not: lines that end without CR, field lines that are
 * folded or have odd characters, a length beside chunks, chunk sizes with blanks behind them.
 */
const LENIENT = [
  "llhttp_set_lenient_headers",
  "llhttp_set_lenient_chunked_length",
  "llhttp_set_lenient_transfer_encoding",
  "llhttp_set_lenient_version",
  "llhttp_set_lenient_optional_cr_before_lf",
  "llhttp_set_lenient_spaces_after_chunk_size",
] as const;

const CONTINUE = 100;
/** An interim answer like any other. */
const PROCESSING = 102;

/**
 * Has undici read what comes by this socket as wget does, before its first byte. undici has no option for it, and breaks
 * off at a 100 that was not asked for, which a client must be able to take (RFC 9110, 15.2).
 */
export function readLeniently(socket: Socket): void {
  const onReadable = (): void => {
    const parser = parserOf(socket);
    if (parser === undefined) return;
    socket.off("readable", onReadable);
    for (const name of LENIENT) parser.llhttp[name](parser.ptr, 1);
    const onHeadersComplete = parser.onHeadersComplete.bind(parser);
    parser.onHeadersComplete = (status, ...rest) =>
      onHeadersComplete(status === CONTINUE ? PROCESSING : status, ...rest);
  };
  socket.prependListener("readable", onReadable);
}

/** undici keeps it at the socket, under a symbol of its own. */
export function parserOf(socket: Socket): Parser | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "parser");
  return symbol && ((socket as unknown as Record<symbol, Parser | null>)[symbol] ?? undefined);
}
