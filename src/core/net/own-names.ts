import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** The names of this box, in lower case: its host name, with and without the domains that it is in. */
export function ownNames(): string[] {
  return namesOf(hostname(), { hosts: textOf("/etc/hosts"), resolvConf: textOf("/etc/resolv.conf") });
}

/**
 * The names of the box with a host name, by the texts of hosts(5), where a line has all names of one address, and of
 * resolv.conf(5), whose `search` or `domain` names what short names are looked up in.
 */
export function namesOf(host: string, { hosts, resolvConf }: { hosts: string; resolvConf: string }): string[] {
  const full = host.toLowerCase();
  const [short = full] = full.split(".");
  const aliases = entries(hosts).map(([, ...names]) => names);
  const searched = entries(resolvConf).findLast(([key]) => key === "search" || key === "domain") ?? [];
  const domains = searched.slice(1).map((domain) => domain.replace(/\.$/, ""));
  const inDomains = domains.filter(Boolean).map((domain) => `${short}.${domain}`); // `.` is the root: no name of this box
  const together = aliases.filter((names) => names.includes(full) || names.includes(short)).flat();
  return [...new Set([full, short, ...together, ...inDomains])];
}

/** The words of each line, in lower case, less comments. */
function entries(text: string): string[][] {
  return text
    .toLowerCase()
    .split("\n")
    .map((line) => line.replace(/#.*/, "").split(/\s+/).filter(Boolean));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it need not be there
  }
}
