import { ShellSyntaxError, tokenize, type Token } from "./shell-tokens.ts";

/** One statement of make.conf; values and file names are not expanded yet. */
export type Statement =
  | { readonly kind: "assignment"; readonly name: string; readonly value: string; readonly line: number }
  | { readonly kind: "source"; readonly file: string; readonly line: number };

const VARIABLE_NAME = /^[A-Za-z_]\w*$/;

function nextWord(tokens: Iterator<Token>, after: Token, what: string): Token {
  const { value, done } = tokens.next();
  if (done) throw new ShellSyntaxError(after.line, `the file ends where ${what} must follow "${after.text}"`);
  return value;
}

function readAssignment(tokens: Iterator<Token>, name: Token): Statement {
  const { value: equals, done } = tokens.next();
  if (done || !equals.operator || equals.text !== "=") {
    throw new ShellSyntaxError(name.line, `"${name.text}" is not followed by "="`);
  }
  const value = nextWord(tokens, equals, "a value");
  if (!VARIABLE_NAME.test(name.text)) throw new ShellSyntaxError(name.line, `"${name.text}" is no variable name`);
  return { kind: "assignment", name: name.text, value: value.text, line: name.line };
}

/**
 * Reads the statements of make.conf one by one: `NAME=value`, `export NAME=value` and `source FILE`.
 *
 * @throws {ShellSyntaxError} at the first place that is none of these; what came before has been given out.
 */
export function* parseAssignments(text: string): Generator<Statement> {
  const tokens = tokenize(text);
  for (let token = tokens.next(); !token.done; token = tokens.next()) {
    const word = token.value;
    if (word.operator) throw new ShellSyntaxError(word.line, `"${word.text}" stands where a variable name must`);
    if (word.text === "source") {
      yield { kind: "source", file: nextWord(tokens, word, "a file name").text, line: word.line };
    } else {
      yield readAssignment(tokens, word.text === "export" ? nextWord(tokens, word, "a variable name") : word);
    }
  }
}
