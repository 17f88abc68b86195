import { valuesOf } from "../core/net/header-fields.ts";

/**
 * Cookies that servers set as they redirect, for as long as one request is under way. Some send who comes for the first time
 * back to where they asked, and give the file to who brings the cookie along, as wget does.
 */
export class ChainCookies {
  /** By origin: name -> value. */
  readonly #cookies = new Map<string, Map<string, string>>();

  /** Takes what an answer sets, by its field or fields; whether any of it is new. */
  take({ origin }: URL, fields: string | readonly string[] = []): boolean {
    const kept = this.#cookies.get(origin) ?? new Map<string, string>();
    let isNew = false;
    for (const field of [fields].flat()) {
      const [, name, value] = /^\s*([^=;\s]+)\s*=([^;]*)/.exec(field) ?? [];
      if (name === undefined || value === undefined || kept.get(name) === value.trim()) continue;
      kept.set(name, value.trim());
      isNew = true;
    }
    this.#cookies.set(origin, kept);
    return isNew;
  }

  /** The field to send to `url`, name and value in turn; none where the client has cookies of its own. */
  fieldFor({ origin }: URL, headers: readonly string[]): readonly string[] {
    const kept = this.#cookies.get(origin);
    if (kept === undefined || kept.size === 0 || valuesOf(headers, "cookie").length > 0) return [];
    return ["Cookie", [...kept].map(([name, value]) => `${name}=${value}`).join("; ")];
  }
}
