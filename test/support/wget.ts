import { execFile } from "node:child_process";

/** Portage's FETCHCOMMAND, as make.globals has it, without the placeholders. */
export const FETCH = [
  "-t", "3", "-T", "60", "--passive-ftp",
  "-U", "Portage (Gentoo, https://www.gentoo.org) distfile-fetch",
]; // prettier-ignore

/** Portage's RESUMECOMMAND. */
export const RESUME = ["-c", ...FETCH];

/** How a wget ended. */
interface WgetResult {
  /** 0: all well. 8: the server answered an error. 4: the network failed. */
  readonly code: number;
  readonly output: string;
}

/** Runs a real wget as Portage does; `proxy` is what `http_proxy` would be. */
export function wget(
  args: readonly string[],
  url: string,
  options: { to: string; proxy?: string },
): Promise<WgetResult> {
  const env = { PATH: process.env["PATH"], LC_ALL: "C", ...(options.proxy && { http_proxy: options.proxy }) };
  return new Promise((resolve) => {
    execFile("wget", [...args, "-O", options.to, url], { env, timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
    });
  });
}
