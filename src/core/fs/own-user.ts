import { userInfo } from "node:os";

/** Who this process runs as, as chown(1) takes it: the name of the user, or the number of one that has none. */
export function ownUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid?.() ?? 0);
  }
}
