/** The escapes of GLEP 74: `\xHH`, `\uHHHH`, `\UHHHHHHHH`. A backslash before anything else is matched alone. */
const ESCAPE = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))?/g;

/** What a distfile's name cannot hold: it is one part of a path, and one field of a line. U+FFFD: it was not UTF-8. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const FORBIDDEN = /[/\s\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufffd]/u;

const LAST_CODE_POINT = 0x10ffff;

/**
 * Reads the name field of a `DIST` line: undoes the escapes of GLEP 74 and checks that the result is a plain file name.
 *
 * @returns the name, or why it is not one.
 */
export function decodeName(field: string): { name: string } | { reason: string } {
  if (!field.includes("\\")) return checkName(field);
  let broken = false;
  const name = field.replace(ESCAPE, (_escape, x?: string, u?: string, U?: string) => {
    const code = Number.parseInt(x ?? u ?? U ?? "", 16);
    if (code <= LAST_CODE_POINT) return String.fromCodePoint(code);
    broken = true;
    return "";
  });
  return broken ? { reason: `broken escape in the name ${field}` } : checkName(name);
}

function checkName(name: string): { name: string } | { reason: string } {
  if (name === "." || name === ".." || FORBIDDEN.test(name)) {
    return { reason: `${JSON.stringify(name)} cannot be the name of a file` };
  }
  return { name };
}
