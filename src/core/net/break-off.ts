import type { Socket } from "node:net";

/**
 * Ends a connection by a reset, so that nobody takes its bytes for whole. Where its own end is on its way, all of them are
 * with the system, and that end stays: the system refuses a reset then, and Node forgets the socket without closing it.
 */
export function breakOff(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (isEnding) socket.destroy();
  else socket.resetAndDestroy();
}
