import { systemCode } from "../errors.ts";

/** What to do where a directory cannot be watched: the limits of inotify(7) are the user's, and shared with others. */
export function watchRemedy(error: unknown): string {
  const code = systemCode(error);
  if (code === "EMFILE") return "raise fs.inotify.max_user_instances, or let distswarm open more files (ulimit -n)";
  return code === "ENOSPC" ? "raise fs.inotify.max_user_watches" : "";
}
