/** A part with a life: constructors do no I/O, these do. Both may be called twice. */
export interface Startable {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts parts in order; when one fails, stops those already started, in reverse, and throws its error. */
export async function startAll(parts: readonly Startable[]): Promise<void> {
  const started: Startable[] = [];
  for (const part of parts) {
    try {
      await part.start();
      started.push(part);
    } catch (error) {
      await stopAll([...started, part]).catch(() => {});
      throw error;
    }
  }
}

/** Stops parts in reverse order, all of them, then throws the first error there was. */
export async function stopAll(parts: readonly Startable[]): Promise<void> {
  const errors: unknown[] = [];
  for (const part of parts.toReversed()) {
    await part.stop().catch((error: unknown) => errors.push(error));
  }
  if (errors.length > 0) throw errors[0];
}
