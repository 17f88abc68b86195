import type { IncomingHttpHeaders } from "node:http";

/** How a waiting client is sent interim answers. */
interface InterimPace {
  readonly everyMs: number;
  /** More are not sent, however long it waits. */
  readonly atMost: number;
}

/**
 * Takes any number: GNU wget, Portage, which names itself in wget's place (both give up after 60 s of silence), aria2
 * (often told to give up after 5 s) and curl.
 */
const TAKES_ANY_NUMBER = /^(?:Wget\/|Portage |aria2\/|curl\/)/;

/** Go's net/http ends a request at the sixth (Python's and Ruby's at the 101st). */
const SAFE_NUMBER = 5;

/** How the client that sent these fields is kept patient; one that we do not know gets few, and further apart. */
export function interimPace(headers: IncomingHttpHeaders): InterimPace {
  const userAgent = headers["user-agent"] ?? "";
  if (isOldWget2(userAgent, headers["accept-encoding"])) return { everyMs: 10_000, atMost: 0 };
  if (TAKES_ANY_NUMBER.test(userAgent)) return { everyMs: 3000, atMost: Infinity };
  return { everyMs: 10_000, atMost: SAFE_NUMBER };
}

/**
 * wget2 before 2.2 takes an interim answer for the answer: it makes an empty file, and ends with 0. Also in Portage's
 * name (`-U`) it is known by the encodings that it takes, though not whether it is an old one.
 */
function isOldWget2(userAgent: string, encodings = ""): boolean {
  return userAgent.startsWith("wget2/") || (userAgent.startsWith("Portage ") && encodings.includes("lzma"));
}
