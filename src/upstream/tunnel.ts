import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { buildConnector } from "undici";
import { SourceError } from "../core/errors.ts";

const HTTPS_PORT = "443";

/** `Proxy-Authorization` for the user and password in a proxy's URL, name and value in turn; empty without them. */
export function proxyAuthorization(proxy: URL): readonly string[] {
  if (proxy.username === "" && proxy.password === "") return [];
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return ["Proxy-Authorization", `Basic ${Buffer.from(credentials).toString("base64")}`];
}

/**
 * An undici connector to https servers through a proxy: CONNECT first, then TLS to the server inside. Our own rather
 * than undici's ProxyAgent, which folds repeated header fields into one and waits for the proxy's answer without limit.
 */
export function tunnelConnector(
  proxy: URL,
  options: { timeoutMs: number; secureContext: SecureContext },
): buildConnector.connector {
  const secure = buildConnector({ timeout: options.timeoutMs, secureContext: options.secureContext });
  return (target, callback) => {
    const authority = `${target.hostname}:${target.port || HTTPS_PORT}`;
    openTunnel(proxy, authority, options.timeoutMs, (error, httpSocket) => {
      if (httpSocket === undefined) callback(error, null);
      else secure({ ...target, httpSocket }, callback);
    });
  };
}

type Opened = (...result: [Error, undefined] | [null, Socket]) => void;

/** Ends in a {@link SourceError} when the proxy says no (`REFUSED`) or nothing (`HEADER_TIMEOUT`); in system errors as they are. */
function openTunnel(proxy: URL, authority: string, timeoutMs: number, opened: Opened): void {
  const [name, value] = proxyAuthorization(proxy);
  const request = (proxy.protocol === "https:" ? httpsRequest : httpRequest)({
    host: proxy.hostname.replace(/^\[|\]$/g, ""),
    port: proxy.port,
    method: "CONNECT",
    path: authority,
    headers: { host: authority, ...(name === undefined ? {} : { [name]: value }) },
    agent: false,
  });
  const refuse = (error: Error): void => {
    clearTimeout(timer);
    request
      .removeListener("error", refuse)
      .on("error", () => {})
      .destroy();
    opened(error, undefined);
  };
  const timer = setTimeout(() => refuse(tooSlow(proxy, authority)), timeoutMs);
  request.on("error", refuse);
  request.on("connect", (answer, socket: Socket) => {
    if (answer.statusCode !== 200) return refuse(refusal(proxy, authority, answer.statusCode));
    clearTimeout(timer);
    opened(null, socket);
  });
  request.end();
}

function tooSlow(proxy: URL, authority: string): SourceError {
  return new SourceError("HEADER_TIMEOUT", `the proxy ${proxy.host} did not open a way to ${authority} in time`);
}

function refusal(proxy: URL, authority: string, status: number | undefined): SourceError {
  const advice = status === 407 ? ": give user and password in upstream.proxy" : "";
  return new SourceError("REFUSED", `the proxy ${proxy.host} answered ${status} to CONNECT ${authority}${advice}`, {
    status,
  });
}
