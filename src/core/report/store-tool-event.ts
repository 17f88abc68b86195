/** What `import`, `fsck` and `gc` tell while they run; the last event is the summary. */
export type StoreToolEvent =
  | {
      readonly event: "progress";
      readonly done: number;
      readonly total: number;
      readonly bytes: number;
      readonly file?: string;
    }
  | {
      readonly event: "file";
      readonly file: string;
      /** What a Manifest calls it, where its path does not tell. */
      readonly name?: string;
      readonly size: number;
      readonly verdict:
        | "adopted"
        | "known"
        | "unknown"
        | "undigested"
        | "skipped"
        | "unreadable"
        | "wrong"
        | "damaged"
        | "repaired"
        | "unrepaired"
        | "evicted"
        | "would-go"
        | "kept"
        | "stray";
      readonly detail?: string;
    }
  | {
      readonly event: "summary";
      readonly counts: Readonly<Record<string, number>>;
      readonly bytes: number;
      /** How much else there was that was not looked at, by what it is, in the plural. */
      readonly left_out?: Readonly<Record<string, number>>;
      /** Why there was nothing to do. */
      readonly idle?: string;
    };
