/** The pace is that of the best of so many stretches of so many milliseconds in which bytes were waited for. */
const STRETCH_MS = 400;
const STRETCHES = 4;
/** How often it is told. */
const LOOK_EVERY_MS = 250;

/** Bytes that came, and how long they were waited for. */
interface Stretch {
  readonly bytes: number;
  readonly ms: number;
}

/**
 * How fast bytes come while somebody waits for them. It is that of the best of the last stretches: a box that was busy
 * for a moment is not slow, nor is one whose reader was.
 */
export class Pace {
  readonly #now: () => number;
  #stretches: Stretch[] = [];
  #waitingSince: number | undefined;
  #bytes = 0;
  #ms = 0;

  /** `now`: milliseconds since some moment. @default those of the system */
  constructor({ now = () => performance.now() } = {}) {
    this.#now = now;
  }

  /** Somebody waits from now on. */
  waiting(): void {
    this.#waitingSince = this.#now();
  }

  /** So many bytes came, and nobody waits. */
  got(bytes: number): void {
    this.#count();
    this.#waitingSince = undefined;
    this.#bytes += bytes;
  }

  /** Bytes a second, 0 when none came; undefined before they were waited for long enough. To be looked at now and then. */
  get rate(): number | undefined {
    this.#count();
    if (this.#stretches.length < STRETCHES) return undefined;
    return Math.max(...this.#stretches.map(({ bytes, ms }) => (bytes * 1000) / ms));
  }

  #count(): void {
    if (this.#waitingSince !== undefined) {
      const now = this.#now();
      this.#ms += now - this.#waitingSince;
      this.#waitingSince = now;
    }
    if (this.#ms < STRETCH_MS) return;
    this.#stretches = [...this.#stretches, { bytes: this.#bytes, ms: this.#ms }].slice(-STRETCHES);
    this.#bytes = 0;
    this.#ms = 0;
  }
}

/** The bytes as they come; from the first ones on, `tell` is told their rate now and then, as soon as it is known. */
export async function* paced(
  bytes: AsyncIterable<Buffer>,
  tell: (bytesPerSecond: number) => void,
): AsyncGenerator<Buffer> {
  const pace = new Pace();
  const timer = setInterval(() => {
    const { rate } = pace;
    if (rate !== undefined) tell(rate);
  }, LOOK_EVERY_MS);
  try {
    for await (const chunk of bytes) {
      pace.got(chunk.length);
      yield chunk;
      pace.waiting();
    }
  } finally {
    clearInterval(timer);
  }
}
