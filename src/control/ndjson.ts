/** One value as a line of JSON. */
export function toLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/**
 * The values of a stream of UTF-8 lines of JSON, however it is cut into chunks.
 *
 * @throws {SyntaxError} at a line that is no JSON, and when the stream ends within a line.
 */
export async function* fromLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
  if (rest !== "") throw new SyntaxError("the stream ends within a line");
}
