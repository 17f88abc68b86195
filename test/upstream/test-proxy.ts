import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect } from "node:net";
import type { TestCertificate } from "../support/zoo/certificate.ts";
import { listen } from "../support/zoo/zoo.ts";
import { closeAfter } from "./harness.ts";

/** An HTTP proxy of a test. */
interface TestProxy {
  readonly url: string;
  /** Method, target and credentials of every request. */
  readonly requests: { method: string; target: string; authorization: string | undefined; via: string | undefined }[];
}

/**
 * Starts a proxy for http (absolute form) and CONNECT. `refusal`: answers everything with this status instead; `leadsTo`: asks
 * this URL in place of each of http; `tls`: is itself reached by https.
 */
export async function startProxy({
  refusal,
  mute = false,
  leadsTo,
  tls,
}: { refusal?: number; mute?: boolean; leadsTo?: string; tls?: TestCertificate } = {}): Promise<TestProxy> {
  const requests: TestProxy["requests"] = [];
  const log = ({ method = "", url = "", headers }: IncomingMessage): void => {
    requests.push({ method, target: url, authorization: headers["proxy-authorization"], via: headers.via });
  };
  const forward: RequestListener = (incoming, outgoing) => {
    log(incoming);
    if (refusal !== undefined) {
      outgoing.writeHead(refusal).end();
      return;
    }
    const { method, headers } = incoming;
    const onward = httpRequest(leadsTo ?? incoming.url ?? "", { method, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  };
  const server = tls === undefined ? createServer(forward) : createTlsServer(tls, forward);
  server.on("connect", async (incoming, client) => {
    log(incoming);
    client.on("error", () => {});
    if (mute) return;
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal} No\r\n\r\n`);
      return;
    }
    const [host, port] = (incoming.url ?? "").split(":");
    const target = connect(Number(port), host);
    target.on("error", () => client.destroy());
    client.on("close", () => target.destroy());
    await once(target, "connect");
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    client.pipe(target).pipe(client);
  });
  const { url, close } = await listen(server, tls && "https");
  closeAfter(close);
  return { url, requests };
}
