import type { Holder } from "../core/directory.ts";
import type { Hello } from "./messages.ts";
import { PortCheck } from "./port-check.ts";
import type { Session } from "./session.ts";

/** One peer that has proved the network key: its session, and what the two boxes find of each other's TCP ports. */
export class Peer {
  readonly session: Session;
  /** Whether the peer could reach this box's TCP port; undefined before it has said. */
  reachesUs: boolean | undefined;
  readonly #ended = new AbortController();
  #portCheck: PortCheck | undefined;

  constructor(session: Session) {
    this.session = session;
  }

  get id(): string {
    return this.session.id;
  }

  /** What it said of itself; undefined before. */
  get hello(): Hello | undefined {
    return this.session.hello;
  }

  /** What is wrong with its TCP port, with the mend; undefined when nothing is known to be. */
  get problem(): string | undefined {
    return this.#portCheck?.problem;
  }

  /** It said where its data plane is: this box looks at that now and then, and tells the peer what it sees. */
  watchPort({ host: name, port }: Hello): void {
    const { id, session } = this;
    this.#portCheck = new PortCheck(
      { id, name, host: session.host, port, isTranslated: session.port !== port },
      { signal: this.#ended.signal, looked: (open) => session.tellPort(open) },
    );
  }

  /** As one that may give a blob; undefined before it has said where. */
  holder({ growing }: { growing: boolean }): Holder | undefined {
    const { id, session, hello } = this;
    return hello && { id, name: hello.host, host: session.host, port: hello.port, growing };
  }

  /** Its session is over. */
  end(): void {
    this.#ended.abort();
  }
}
