import { afterEach } from "vitest";

/** Something that a test opened. */
interface Closable {
  close(): Promise<unknown>;
}

/** What is pushed here is closed after each test of the file, the last first. */
export function closeAfterEach(): { push(...opened: Closable[]): void } {
  const opened: Closable[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).toReversed()) await one.close();
  });
  return opened;
}
