import { open } from "node:fs/promises";

/** Flips one bit of a file: that of its byte at `position`. */
export async function flipBit(path: string, position: number): Promise<void> {
  const handle = await open(path, "r+");
  try {
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, position);
    await handle.write(Buffer.of(byte[0]! ^ 1), 0, 1, position);
  } finally {
    await handle.close();
  }
}
