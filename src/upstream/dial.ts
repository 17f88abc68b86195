import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, type LookupFunction, type Socket } from "node:net";
import { SourceError } from "../core/errors.ts";
import { basicCredentials } from "../core/net/credentials.ts";
import { authorityOf, hostOf } from "../core/net/host.ts";
import { insideReason, isInside, outsideOnly } from "../core/net/inside.ts";
import { HostNames } from "./host-names.ts";
import { reasonOf } from "./http-fault.ts";
import { proxyBypass } from "./no-proxy.ts";
import { patiently } from "./patience.ts";
import { TrustedCertificates } from "./trusted-certificates.ts";

/** A TCP port of a host; IPv6 addresses without brackets. */
interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** How to get outside. */
interface DialOptions {
  /** URL of the proxy to go through. @default none */
  readonly proxy?: string;
  /** What is reached without it (see {@link proxyBypass}). @default nothing */
  readonly noProxy?: readonly string[];
  /** How long a connection may take to come about, in milliseconds. */
  readonly timeoutMs: number;
  /** Whose word for a proxy by https is taken. @default of those that Node and the system trust */
  readonly trusted?: TrustedCertificates;
}

/** For whom, and what a proxy is told of them. */
interface DialFor {
  /** The `Via` for a proxy. @default none */
  readonly via?: string;
  /** The client is on another box: what is for this box alone is not dialled for it. @default false */
  readonly isGuest?: boolean;
}

/** How a proxy is reached. */
export interface ThroughProxy {
  readonly trusted: TrustedCertificates;
  readonly names: HostNames;
  /** How long it may take until the way is open, in milliseconds. */
  readonly timeoutMs: number;
  /** What it is told of whom the way is for. @default nothing */
  readonly via?: string | undefined;
}

/**
 * Opens a bare TCP connection to a host outside.
 *
 * @throws {SourceError} `REFUSED`; `HEADER_TIMEOUT` after the time allowed.
 */
type Dial = (to: Endpoint, options?: DialFor) => Promise<Socket>;

/** The way to hosts outside for CONNECT tunnels: through the proxy, where one is set. */
export function dialer(options: DialOptions): Dial {
  const { proxy, noProxy = [], timeoutMs, trusted = new TrustedCertificates() } = options;
  const names = new HostNames();
  const proxyUrl = proxy === undefined ? undefined : new URL(proxy);
  const isBypassed = proxyBypass(noProxy);
  return async (to, { via, isGuest = false } = {}) => {
    if (isGuest && isInside(to.host)) throw new SourceError("REFUSED", insideReason(to.host));
    const isStraight = proxyUrl === undefined || isBypassed(new URL(`https://${authorityOf(to.host, to.port)}`));
    if (!isStraight) return dialThrough(proxyUrl, to, { trusted, names, timeoutMs, via });
    await lookedUp(to.host, names);
    const signal = AbortSignal.timeout(timeoutMs);
    const lookup = isGuest ? outsideOnly(names.lookup) : names.lookup;
    return patiently((attempts) => dialStraight(to, { ...attempts, signal, lookup }));
  };
}

/** `Proxy-Authorization` for the user and password in a proxy's URL, name and value in turn; empty without them. */
export function proxyAuthorization(proxy: URL): readonly string[] {
  const credentials = basicCredentials(proxy);
  return credentials === undefined ? [] : ["Proxy-Authorization", credentials];
}

async function lookedUp(host: string, names: HostNames): Promise<void> {
  await names.ready(host).catch((error: Error) => {
    throw refused(`no connection to ${host}`, error);
  });
}

function dialStraight(
  { host, port }: Endpoint,
  { signal, ...options }: { signal: AbortSignal; lookup: LookupFunction; autoSelectFamilyAttemptTimeout?: number },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ...options });
    const giveUp = (): void => refuse(tooSlow(`${host}:${port} did not answer in time`));
    const refuse = (error: Error): void => {
      signal.removeEventListener("abort", giveUp);
      socket.destroy();
      reject(error instanceof SourceError ? error : refused(`no connection to ${host}:${port}`, error));
    };
    socket.on("error", refuse);
    socket.once("connect", () => {
      signal.removeEventListener("abort", giveUp);
      socket.removeListener("error", refuse);
      resolve(socket);
    });
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp, { once: true });
  });
}

/**
 * Has an HTTP proxy open a connection (`CONNECT`, RFC 9110, 9.3.6).
 *
 * @throws {SourceError} `REFUSED`, also when the proxy says no; `HEADER_TIMEOUT` after the time allowed.
 */
export async function dialThrough(
  proxy: URL,
  to: Endpoint,
  { trusted, names, timeoutMs, via }: ThroughProxy,
): Promise<Socket> {
  const authority = authorityOf(to.host, to.port);
  await lookedUp(hostOf(proxy), names);
  const signal = AbortSignal.timeout(timeoutMs);
  const [name, value] = proxyAuthorization(proxy);
  const isSecure = proxy.protocol === "https:";
  return new Promise((resolve, reject) => {
    const request = (isSecure ? httpsRequest : httpRequest)({
      ...(isSecure && { secureContext: trusted.secureContext }),
      host: hostOf(proxy),
      port: proxy.port,
      lookup: names.lookup,
      method: "CONNECT",
      insecureHTTPParser: true, // reads as the parser for servers does (lenient-parser.ts)
      path: authority,
      headers: { host: authority, ...(name !== undefined && { [name]: value }), ...(via !== undefined && { via }) },
      agent: false,
      signal,
    });
    request.on("error", (error) => reject(refusedOrSlow(proxy, authority, error, signal)));
    request.once("connect", (answer, socket: Socket, head: Buffer) => {
      if (Math.floor((answer.statusCode ?? 0) / 100) !== 2) {
        socket.destroy();
        return reject(refusal(proxy, authority, answer.statusCode));
      }
      socket.unshift(head);
      resolve(socket);
    });
    request.end();
  });
}

function refusedOrSlow(proxy: URL, authority: string, error: Error, signal: AbortSignal): SourceError {
  if (signal.aborted) return tooSlow(`the proxy ${proxy.host} did not open a way to ${authority} in time`);
  return refused(`no connection to the proxy ${proxy.host}`, error);
}

function refusal(proxy: URL, authority: string, status: number | undefined): SourceError {
  const advice = status === 407 ? ": put user and password into upstream.proxy" : "";
  return new SourceError("REFUSED", `the proxy ${proxy.host} answered ${status} to CONNECT ${authority}${advice}`, {
    status,
  });
}

function refused(what: string, cause: Error): SourceError {
  return new SourceError("REFUSED", `${what}: ${reasonOf(cause)}`, { cause });
}

function tooSlow(what: string): SourceError {
  return new SourceError("HEADER_TIMEOUT", what);
}
