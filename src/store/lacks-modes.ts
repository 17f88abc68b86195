import { systemCode } from "../core/errors.ts";

/** The right to read, and to enter a directory, for everybody. */
const READ_AND_ENTER = 0o555;

/**
 * Whether an error of chmod(2) says only that a file system has no modes of its own, as FAT and some network shares: it
 * refuses `wanted`, and the mode that everything has there, `found`, lets everybody read all the same.
 */
export function lacksModes(error: unknown, found: number, wanted: number): boolean {
  const needed = wanted & READ_AND_ENTER;
  return systemCode(error) === "EPERM" && (found & needed) === needed;
}
