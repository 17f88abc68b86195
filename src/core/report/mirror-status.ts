/** What downloads have taught about one mirror or upstream host. */
export interface MirrorStatus {
  readonly url: string;
  readonly layout: "flat" | "filename-hash" | "content-hash" | "unknown";
  readonly requests: number;
  readonly failures: number;
  readonly bytes: number;
  /** Bytes a second over its recent downloads. */
  readonly rate?: number;
  /** Left alone until then (ISO 8601), and why. */
  readonly avoided_until?: string;
  readonly problem?: string;
}
