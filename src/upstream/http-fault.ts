import { SourceError, messageOf, systemCode, type SourceFault } from "../core/errors.ts";
import { whatCalendarSays } from "../core/text/clock-words.ts";

/** How far a request got: before the answer's headers, or in its body. */
type Phase = "headers" | "body";

/** OpenSSL's words for a certificate that does not hold (Node's tls documentation, "X509 certificate error codes"). */
const CERTIFICATE_FAULT =
  /^(CERT_|CRL_|UNABLE_TO_|ERROR_IN_|DEPTH_ZERO_SELF|SELF_SIGNED|INVALID_(CA|PURPOSE)$|PATH_LENGTH|HOSTNAME_MISMATCH|ERR_TLS_CERT)/;
/** Those of a certificate of another time: the server's fault, or that of the clock here. */
const WRONG_TIME = new Set(["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"]);
/** Those of a certificate that nobody known vouches for, as a company's own authority. */
const UNKNOWN_AUTHORITY = /^(UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|DEPTH_ZERO_SELF|SELF_SIGNED)/;
/** undici's errors for an answer that is not HTTP, or has no end of headers. */
const NOT_HTTP = new Set(["HTTPParserError", "HeadersOverflowError"]);

/** What undici's, TLS' or the system's error in this phase means. A {@link SourceError} is returned as it is. */
export function faultOf(error: unknown, phase: Phase, url: string): SourceError {
  if (error instanceof SourceError) return error;
  const code = systemCode(error) ?? "";
  return new SourceError(classify(code, error, phase), `${url}: ${describe(code, error, phase)}`, { cause: error });
}

function classify(code: string, error: unknown, phase: Phase): SourceFault {
  if (code === "UND_ERR_HEADERS_TIMEOUT") return "HEADER_TIMEOUT";
  if (code === "UND_ERR_BODY_TIMEOUT") return "STALLED";
  if (CERTIFICATE_FAULT.test(code)) return "UNTRUSTED";
  if (phase === "body") return "BROKEN";
  return isNotHttp(error) ? "BAD_STATUS" : "REFUSED";
}

function isNotHttp(error: unknown): boolean {
  return error instanceof Error && NOT_HTTP.has(error.name);
}

function describe(code: string, error: unknown, phase: Phase): string {
  if (code === "UND_ERR_HEADERS_TIMEOUT") return "no answer in time";
  if (code === "UND_ERR_BODY_TIMEOUT") return "silent in mid-body for too long";
  if (CERTIFICATE_FAULT.test(code))
    return `its certificate is not trusted (${[verdictOf(error), ...hintOn(code)].join("; ")})`;
  if (phase === "body") return `broke off in mid-body (${messageOf(error)})`;
  return isNotHttp(error) ? `the answer is not HTTP (${messageOf(error)})` : `no connection (${reasonOf(error)})`;
}

/** OpenSSL's words. What later Nodes advise behind them, `--use-system-ca`, the agent does by itself. */
function verdictOf(error: unknown): string {
  return messageOf(error).replace(/; .*/s, "");
}

function hintOn(code: string): readonly string[] {
  if (WRONG_TIME.has(code)) return [whatCalendarSays(Date.now())];
  return UNKNOWN_AUTHORITY.test(code) ? ["update-ca-certificates adds an authority of your own"] : [];
}

/**
 * Why a connection did not come about, in one line. Several addresses tried in vain come as an AggregateError without a
 * message, and OpenSSL's messages are lines of its source.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join("; ");
  const { reason } = error as { reason?: unknown };
  return systemCode(error)?.startsWith("ERR_SSL_") && typeof reason === "string" ? `TLS: ${reason}` : messageOf(error);
}
