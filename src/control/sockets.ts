/** The two sockets: one may be read by the service's group, one steers the agent and is its owner's alone. */
export type Access = "status" | "control";

/** The file of a socket in the state directory. */
export function socketName(access: Access): string {
  return `${access}.sock`;
}

/** Permissions of the sockets: to connect, one must be allowed to write. */
export const SOCKET_MODES: Readonly<Record<Access, number>> = { status: 0o660, control: 0o600 };
