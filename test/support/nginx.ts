import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";

/** A Gentoo mirror served by a real nginx on loopback: filename-hash layout, with layout.conf. */
export interface NginxMirror {
  readonly url: string;
  /** `METHOD path status range` of every request but those for layout.conf. */
  requests(): Promise<string[]>;
  close(): Promise<void>;
}

/** Whether a program is there. */
export function hasProgram(name: string): Promise<boolean> {
  return new Promise((resolve) => execFile("sh", ["-c", `command -v ${name}`], (error) => resolve(error === null)));
}

/** Starts an nginx below `dir` that serves these files; `limitRate` is in bytes a second. */
export async function startNginxMirror(
  dir: string,
  files: readonly string[],
  options: { limitRate?: number } = {},
): Promise<NginxMirror> {
  const port = await freePort();
  const root = join(dir, "mirror");
  for (const file of files) await place(root, file);
  await mkdir(join(root, "distfiles"), { recursive: true });
  await writeFile(join(root, "distfiles", "layout.conf"), "[structure]\n0=filename-hash BLAKE2B 8\n");
  const conf = join(dir, "nginx.conf");
  await writeFile(conf, nginxConf(dir, root, port, options.limitRate));
  const nginx = spawn("nginx", ["-c", conf, "-e", join(dir, "nginx-error.log")], { stdio: "ignore" });
  await listening(port);
  return { url: `http://127.0.0.1:${port}`, requests: () => requestLog(dir), close: () => ended(nginx) };
}

async function place(root: string, file: string): Promise<void> {
  const name = file.split("/").at(-1)!;
  const directory = join(root, "distfiles", createHash("blake2b512").update(name).digest("hex").slice(0, 2));
  await mkdir(directory, { recursive: true });
  await copyFile(file, join(directory, name));
}

function nginxConf(dir: string, root: string, port: number, limitRate: number | undefined): string {
  return `daemon off; master_process off; pid ${dir}/nginx.pid; error_log ${dir}/nginx-error.log;
events { worker_connections 512; }
http {
  log_format plain '$request_method $uri $status $http_range';
  access_log ${dir}/nginx-access.log plain;
  client_body_temp_path ${dir}/t1; proxy_temp_path ${dir}/t2; fastcgi_temp_path ${dir}/t3;
  uwsgi_temp_path ${dir}/t4; scgi_temp_path ${dir}/t5;
  sendfile on; tcp_nopush on;
  server { listen 127.0.0.1:${port}; root ${root}; ${limitRate === undefined ? "" : `limit_rate ${limitRate};`} }
}
`;
}

async function requestLog(dir: string): Promise<string[]> {
  const text = await readFile(join(dir, "nginx-access.log"), "utf8");
  return text.split("\n").filter((line) => line !== "" && !line.includes("layout.conf"));
}

/** nginx does not tell when it is ready: asks until it takes connections, for 5 s at most. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 250; tries += 1) {
    const socket = connect(port, "127.0.0.1");
    const open = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await delay(20);
  }
  throw new Error(`nginx does not listen on port ${port}`);
}

async function ended(nginx: ChildProcess): Promise<void> {
  if (nginx.exitCode !== null) return;
  const exited = once(nginx, "exit");
  nginx.kill("SIGTERM");
  await exited;
}
