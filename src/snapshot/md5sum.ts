/** A line as md5sum(1) writes it: the sum, a space, a space or `*`, the name. */
const LINE_PATTERN = /^([0-9a-fA-F]{32}) [ *](\S+)$/;

/** The MD5 that a `.md5sum` file gives for `name`, in lower-case hex; undefined when it has no line for that name. */
export function parseMd5sum(text: string, name: string): string | undefined {
  for (const line of text.split("\n")) {
    const [, sum, named] = LINE_PATTERN.exec(line.trimEnd()) ?? [];
    if (named === name) return sum?.toLowerCase();
  }
  return undefined;
}
