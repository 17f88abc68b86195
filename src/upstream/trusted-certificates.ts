import { readFileSync, statSync } from "node:fs";
import * as tls from "node:tls";

/** Where ca-certificates puts what this box trusts, the administrator's own authorities with it: update-ca-certificates(8). */
const SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Whose word for an https server is taken: of those that Node trusts, and of those that the system does, as wget would. A
 * mirror with a certificate of a company's own authority is no worse through the agent.
 */
export class TrustedCertificates {
  readonly #bundle: string;
  #known: { readonly version: string; readonly context: tls.SecureContext } | undefined;

  /** @param bundle A file of certificates (PEM); it need not exist. @default the system's */
  constructor(bundle = SYSTEM_BUNDLE) {
    this.#bundle = bundle;
  }

  /**
   * What a connection by TLS is to be made with: the same object until the file changes, for to read hundreds of certificates
   * takes 60 ms. A certificate in it need not be a root's: wget and curl take an authority below one, too.
   */
  get secureContext(): tls.SecureContext {
    const version = versionOf(this.#bundle);
    if (this.#known?.version !== version) {
      const ca = [...certificatesOfNode(), textOf(this.#bundle)];
      this.#known = { version, context: tls.createSecureContext({ ca, allowPartialTrustChain: true }) };
    }
    return this.#known.context;
  }
}

/** Tells one content of a file from the next; empty where there is none. */
function versionOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return "";
  }
}

/** What Node trusts by itself, with what `NODE_EXTRA_CA_CERTS` adds: Node 20 does not tell of that. */
function certificatesOfNode(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: "default") => readonly string[] };
  return getCACertificates?.("default") ?? [...tls.rootCertificates, textOf(process.env.NODE_EXTRA_CA_CERTS ?? "")];
}

/** Empty where there is no such file, or none that this user may read: TLS then goes by the other certificates. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
