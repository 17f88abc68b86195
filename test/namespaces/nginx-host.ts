import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Lan } from "./lan.ts";

const PORT = 8080;

/** One line of its access log. */
export interface MirrorLine {
  readonly from: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Bytes of the body that were sent. */
  readonly bytes: number;
}

/** A mirror served by nginx on a host of the LAN. */
export class NginxHost {
  readonly url: string;
  readonly #dir: string;

  private constructor(url: string, dir: string) {
    this.url = url;
    this.#dir = dir;
  }

  /** Starts one that gives these files by their paths, each connection at `rate` bytes a second. */
  static async start(
    lan: Lan,
    number: number,
    { files, rate }: { files: Readonly<Record<string, Buffer>>; rate: number },
  ): Promise<NginxHost> {
    const dir = await mkdtemp(join(tmpdir(), "distswarm-mirror-"));
    for (const [path, bytes] of Object.entries(files)) {
      await mkdir(join(dir, "root", path, ".."), { recursive: true });
      await writeFile(join(dir, "root", path), bytes);
    }
    await writeFile(join(dir, "nginx.conf"), nginxConf(dir, rate));
    lan.spawn(number, "nginx", ["-c", join(dir, "nginx.conf"), "-e", join(dir, "error.log")]);
    const pidFile = join(dir, "nginx.pid");
    while ((await readFile(pidFile, "utf8").catch(() => "")) === "") await delay(20); // written when it listens
    return new NginxHost(`http://${lan.address(number)}:${PORT}`, dir);
  }

  /** What it was asked so far, and has answered to the end. */
  async lines(): Promise<MirrorLine[]> {
    const text = await readFile(join(this.#dir, "access.log"), "utf8");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [from, method, path, status, bytes] = line.split(" ") as [string, string, string, string, string];
        return { from, method, path, status: Number(status), bytes: Number(bytes) };
      });
  }

  /** Removes its files; the LAN ends it. */
  async remove(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}

function nginxConf(dir: string, rate: number): string {
  return `user root; daemon off; master_process off; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events { worker_connections 512; }
http {
  log_format plain '$remote_addr $request_method $uri $status $body_bytes_sent';
  access_log ${dir}/access.log plain;
  client_body_temp_path ${dir}/t1; proxy_temp_path ${dir}/t2; fastcgi_temp_path ${dir}/t3; uwsgi_temp_path ${dir}/t4; scgi_temp_path ${dir}/t5;
  server { listen 0.0.0.0:${PORT}; root ${dir}/root; limit_rate ${rate}; }
}
`;
}
