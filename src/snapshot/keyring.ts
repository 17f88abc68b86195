import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { Key } from "openpgp";
import { messageOf, systemCode } from "../core/errors.ts";
import { readRegularText } from "../core/fs/regular-file.ts";
import { whatCalendarSays } from "../core/text/clock-words.ts";

/** The user id by which Gentoo signs tree snapshots; emerge-webrsync wants it, too. */
export const TRUSTED_USER_ID = "<infrastructure@gentoo.org>";

/** System errors for want of something of the process or the system: the file is as good as it was. */
const SHORTAGES = ["EMFILE", "ENFILE", "ENOMEM"];

/** The package that brings the keyring. */
const KEYRING_PACKAGE = "sec-keys/openpgp-keys-gentoo-release";

/** What openpgp.js says of a key that was certified later than now. */
const FUTURE = /in the future/;

const ARMOR_PATTERN = /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g;

/** The keys on this box, or why there is none to be used, in one line for status. */
export type KeyringState =
  | {
      readonly usable: true;
      readonly keys: readonly Key[];
      /** Names this content of the file. */ readonly stamp: string;
    }
  | { readonly usable: false; readonly reason: string };

interface Loaded {
  /** Tells a changed file: size, inode, time of change. */
  readonly seen: string;
  readonly stamp: string;
  readonly keys: readonly Key[];
  /** Why it could not be read. */
  readonly problem?: string;
}

/** The local keyring file, read again when it changed. */
export class Keyring {
  readonly #path: string;
  readonly #now: () => number;
  #loaded: Loaded | undefined;

  /** `now`: milliseconds since 1970. @default Date.now */
  constructor(init: { path: string; now?: () => number }) {
    this.#path = init.path;
    this.#now = init.now ?? Date.now;
  }

  /** The keys as they stand now. Never throws. */
  async current(): Promise<KeyringState> {
    const { keys, stamp, problem } = await this.#load();
    const reason = problem ?? (await whyUnusable(keys, new Date(this.#now())));
    if (reason === undefined) return { usable: true, keys, stamp };
    return { usable: false, reason: `${this.#path}: ${reason}; tree snapshots pass through and are not kept` };
  }

  async #load(): Promise<Loaded> {
    const seen = await stampOf(this.#path);
    // what could not be read may be by now, though the file is the same
    if (this.#loaded?.seen !== seen || this.#loaded.problem !== undefined) {
      this.#loaded = { seen, ...(await readKeyring(this.#path)) };
    }
    return this.#loaded;
  }
}

/** What tells one state of the file from another; why it cannot be looked at, where it cannot. */
async function stampOf(path: string): Promise<string> {
  return stat(path).then(
    ({ size, ino, mtimeMs, ctimeMs }) => [size, ino, mtimeMs, ctimeMs].join(" "),
    (error: unknown) => systemCode(error) ?? messageOf(error),
  );
}

async function readKeyring(path: string): Promise<Omit<Loaded, "seen">> {
  try {
    const text = await readRegularText(path);
    const blocks = text.match(ARMOR_PATTERN) ?? [];
    const { readKeys } = await import("openpgp"); // slow to load, and of no use without a keyring
    const keys = await Promise.all(blocks.map((block) => readKeys({ armoredKeys: block })));
    const stamp = createHash("sha256").update(text).digest("hex");
    return {
      stamp,
      keys: keys.flat(),
      ...(blocks.length === 0 && { problem: damaged("holds no armored public key") }),
    };
  } catch (error) {
    return { stamp: "", keys: [], problem: whyUnreadable(error) };
  }
}

function whyUnreadable(error: unknown): string {
  const code = systemCode(error);
  if (code === "ENOENT") return `there is no keyring: install ${KEYRING_PACKAGE}`;
  if (code === "EACCES") return "the keyring cannot be read (EACCES): let the user that distswarm runs as read it";
  if (code !== undefined && SHORTAGES.includes(code)) return `the keyring cannot be read now (${code})`;
  return damaged(`cannot be read (${code ?? messageOf(error)})`);
}

function damaged(what: string): string {
  return `${what}: install ${KEYRING_PACKAGE} again`;
}

/** Undefined when one key of Gentoo's infrastructure can be used at `now`. */
async function whyUnusable(keys: readonly Key[], now: Date): Promise<string | undefined> {
  const ours = keys.filter((key) => key.getUserIDs().some((id) => id.includes(TRUSTED_USER_ID)));
  if (ours.length === 0) return `no key has the user id ${TRUSTED_USER_ID}: install ${KEYRING_PACKAGE}`;
  const problems = await Promise.all(ours.map((key) => problemOf(key, now)));
  if (problems.includes(undefined)) return undefined;
  const isEarly = problems.some((problem = "") => FUTURE.test(problem));
  return `${problems.join(", ")}: ${isEarly ? `${whatCalendarSays(now.getTime())}, set it right` : `update ${KEYRING_PACKAGE}`}`;
}

async function problemOf(key: Key, now: Date): Promise<string | undefined> {
  try {
    await key.getSigningKey(undefined, now);
    return (await hasTrustedUserId(key, now)) ? undefined : `key ${id(key)} does not certify ${TRUSTED_USER_ID}`;
  } catch (error) {
    const expired = await key.getExpirationTime();
    if (expired instanceof Date && expired <= now) {
      return `key ${id(key)} expired on ${expired.toISOString().slice(0, 10)}`;
    }
    return `key ${id(key)} cannot be used (${messageOf(error)})`;
  }
}

function id(key: Key): string {
  return key.getKeyID().toHex().toUpperCase();
}

/** Whether the key itself certifies, validly at `now`, a user id of Gentoo's infrastructure. */
export async function hasTrustedUserId(key: Key, now: Date): Promise<boolean> {
  const candidates = key.users.filter((user) => user.userID?.userID.includes(TRUSTED_USER_ID));
  const good = await Promise.all(candidates.map((user) => user.verify(now).catch(() => false)));
  return good.includes(true);
}
