/** One token of a file in Portage's shell-like syntax. `line` counts from 1 and is where the token ends. */
export interface Token {
  readonly text: string;
  readonly line: number;
  /** An operator such as `=`: one character that no word may hold unless it is quoted or escaped. */
  readonly operator: boolean;
}

/** A place in a file that cannot be read any further. */
export class ShellSyntaxError extends Error {
  override readonly name = "ShellSyntaxError";
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/**
 * What begins or goes on with a word: what one may hold unquoted, as Portage's getconfig has it (lib/portage/util/__init__.py,
 * `wordchars`, less `#`, which begins a comment first), a quote, a backslash.
 */
const IN_WORD = /[\w~!@$%*:;?,./+{}"'\\-]/;
const BLANK = /[ \t\n]/;

/**
 * Splits text as Portage's getconfig does (Python's shlex in POSIX mode): words of quoted and unquoted parts, comments
 * from `#` to the end of the line. Outside of quotes a backslash goes, whatever it stands before; in double quotes it
 * stays, but for one before `"` or another: what is left of them is for `expand` to see.
 *
 * @throws {ShellSyntaxError} at a quote that is never closed, or a backslash at the very end.
 */
export function* tokenize(text: string): Generator<Token> {
  const reader = new Reader(text);
  while (reader.skipBlanks()) {
    if (reader.atWord()) yield { text: reader.word(), line: reader.line, operator: false };
    else yield { text: reader.take(), line: reader.line, operator: true };
  }
}

class Reader {
  line = 1;
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(): string {
    const character = this.#text[this.#position++] ?? "";
    if (character === "\n") this.line++;
    return character;
  }

  /** Goes on to the next token; false when there is none. */
  skipBlanks(): boolean {
    for (;;) {
      if (this.#next === "#") this.#skipLine();
      else if (BLANK.test(this.#next)) this.take();
      else return this.#next !== "";
    }
  }

  atWord(): boolean {
    return IN_WORD.test(this.#next);
  }

  word(): string {
    let word = "";
    while (this.atWord()) {
      const character = this.take();
      if (character === '"' || character === "'") word += this.#quoted(character);
      else word += character === "\\" ? this.#escaped(/[^]/) : character;
    }
    return word;
  }

  get #next(): string {
    return this.#text[this.#position] ?? "";
  }

  #skipLine(): void {
    const end = this.#text.indexOf("\n", this.#position);
    this.#position = end === -1 ? this.#text.length : end;
  }

  #quoted(quote: string): string {
    const opened = this.line;
    let part = "";
    for (;;) {
      if (this.#next === "") throw new ShellSyntaxError(opened, `the quote ${quote} is never closed`);
      const character = this.take();
      if (character === quote) return part;
      part += character === "\\" && quote === '"' ? this.#escaped(/["\\]/) : character;
    }
  }

  /** What follows a backslash; the backslash itself goes if it is there for the sake of a character in `dropped`. */
  #escaped(dropped: RegExp): string {
    if (this.#next === "") throw new ShellSyntaxError(this.line, "the file ends after a backslash");
    const character = this.take();
    return dropped.test(character) ? character : `\\${character}`;
  }
}
