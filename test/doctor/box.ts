import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { generateKey } from "openpgp";
import { onTestFinished } from "vitest";
import { checkConfig } from "../../src/config/check.ts";
import type { RawConfig } from "../../src/config/file.ts";
import type { Status } from "../../src/core/report/status.ts";
import { VERSION } from "../../src/core/version.ts";
import type { Finding } from "../../src/doctor/check.ts";
import { lookAround, type ContextInit } from "../../src/doctor/context.ts";
import { examine, type Report } from "../../src/doctor/doctor.ts";
import { STATUS } from "../control/fake-agent.ts";
import { rootWith } from "../portage/tree.ts";

const LAYOUT = "[structure]\n0=content-hash BLAKE2B 8\n";
const HOUR_MS = 3_600_000;
const REPO = "/var/db/repos/gentoo";

/** The key that this run of the tests signs with; it lasts for a day. */
const { publicKey } = await generateKey({
  userIDs: [{ name: "Gentoo", email: "infrastructure@gentoo.org" }],
  keyExpirationTime: 86_400,
});

/** A box on which every check is well, until a test breaks something. */
export interface TestBox {
  readonly root: string;
  /** `host:port` of the agent's door, and of an agent's answers. */
  readonly door: string;
  /** How the door answers, by request target. */
  answers: Record<string, RequestListener>;
  config: Record<string, RawConfig>;
  status: Status;
  write(path: string, text: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes all checks. */
  examine(change?: Partial<ContextInit>): Promise<Report[]>;
  /** What one check comes to. */
  finding(name: string, change?: Partial<ContextInit>): Promise<Finding>;
}

/** Makes a box with an agent of six peers, Portage pointing at it, and a mirror that answers. */
export async function healthyBox(): Promise<TestBox> {
  const answers: Record<string, RequestListener> = {
    "/distfiles/layout.conf": (_, response) => void response.end(LAYOUT),
    "http://mirror.example/distfiles/layout.conf": (_, response) => void response.end(LAYOUT),
  };
  const door = await listen((request, response) => {
    const answer = answers[request.url ?? ""];
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  const root = await rootWith({
    "etc/portage/make.conf": `http_proxy="http://${door}"\nGENTOO_MIRRORS="http://mirror.example"\n`,
    "etc/portage/mirrors": `local http://${door}\n`,
    "etc/passwd": "root:x:0:0::/root:/bin/sh\ndistswarm:x:994:994::/:/bin/false\n",
    "etc/group": "portage:x:250:distswarm\n",
    [`${REPO}/metadata/timestamp.chk`]: `${new Date(Date.now() - HOUR_MS).toUTCString()}\n`,
    "var/db/pkg/sys-apps/portage-3.0.66.1/PF": "portage-3.0.66.1\n",
    "usr/share/openpgp-keys/gentoo-release.asc": publicKey,
  });
  await mkdir(join(root, "var/cache/distfiles"), { recursive: true });
  await mkdir(join(root, "var/cache/distswarm"), { recursive: true });
  const box: TestBox = {
    root,
    door,
    answers,
    config: {
      proxy: { listen: [door] },
      store: { min_free: "0B" },
      upstream: { mirrors: ["http://mirror.example"] },
    },
    status: {
      ...STATUS,
      version: VERSION,
      proxy: { listen: [door] },
      index: { ...STATUS.index, repos: [REPO] },
      swarm: {
        peers: [{ id: "cd", host: "h2", address: "10.0.0.2:8481", distfiles: 7, found: "mdns", version: VERSION }],
      },
    },
    write: async (path, text) => {
      await mkdir(join(root, path, ".."), { recursive: true });
      await writeFile(join(root, path), text);
    },
    remove: (path) => rm(join(root, path), { recursive: true }),
    examine: async (change = {}) => {
      const config = checkConfig(box.config, "test");
      const init = { root, env: {}, config, agent: { status: box.status }, loadSwarm: async () => {}, ...change };
      return examine(await lookAround(init));
    },
    finding: async (name, change) => {
      const { name: _, ...finding } = (await box.examine(change)).find((report) => report.name === name)!;
      return finding;
    },
  };
  return box;
}

/** A server on loopback, gone when the test ends; returns its `host:port`. */
async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
