/** The agent's two sockets: one may be read by the service's group, one steers the agent and is its owner's alone. */
export type Access = "status" | "control";

/** The file of a socket in the state directory. */
export function socketName(access: Access): string {
  return `${access}.sock`;
}

/** What the path of a Unix socket may have, in bytes (unix(7): `sun_path` has 108 with the NUL at its end). */
export const MAX_SOCKET_PATH_BYTES = 107;

/** Permissions of the sockets: to connect, one must be allowed to write. */
export const SOCKET_MODES: Readonly<Record<Access, number>> = { status: 0o660, control: 0o600 };
