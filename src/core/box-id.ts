const BOX_ID_PATTERN = /^[0-9a-f]{64}$/;

/** Whether `text` is the id of a box as we write it: its Ed25519 public key as 64 lower-case hex characters. */
export function isBoxId(text: string): boolean {
  return BOX_ID_PATTERN.test(text);
}
