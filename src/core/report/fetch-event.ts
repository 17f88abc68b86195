import type { Origin } from "../source.ts";

/** What `fetch` tells while it runs: each event is about one asked line, by its number from 0. */
export type FetchEvent =
  | { readonly event: "started"; readonly line: number; readonly name: string; readonly size: number }
  | { readonly event: "progress"; readonly line: number; readonly received: number; readonly source?: string }
  | { readonly event: "done"; readonly line: number; readonly bytes: number; readonly from: Origin }
  | {
      readonly event: "failed";
      readonly line: number;
      readonly name: string;
      readonly code: string;
      readonly message: string;
    };
