import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readMakeConf } from "../portage/make-conf.ts";
import { CUSTOM_MIRRORS_PATH } from "../portage/custom-mirrors.ts";
import { configFiles } from "../portage/files.ts";
import { gentooMirrors } from "../portage/mirrors.ts";
import { leadsTo } from "./leads-to.ts";
import { localMirrors } from "./mirrors.ts";

/** By what Portage below `root` is told to ask the agent at `url`: variables of make.conf, and files of mirrors. */
export async function waysTo(root: string, url: string): Promise<string[]> {
  const leads = leadsTo(url);
  const { variables } = await readMakeConf(root);
  const ways: string[] = [];
  if (leads(variables.get("http_proxy") ?? "")) ways.push("http_proxy");
  if (gentooMirrors(variables).some(leads)) ways.push("GENTOO_MIRRORS");
  for (const path of await configFiles(join(root, CUSTOM_MIRRORS_PATH))) {
    if (localMirrors(await readFile(path, "latin1")).some(leads)) ways.push(path);
  }
  return ways;
}
