/** Sections of an INI file: their keys (in lower case) and values. */
export type Ini = Map<string, Map<string, string>>;

/** configparser's SECTCRE: up to the last bracket, and whatever stands behind that. */
const SECTION = /^\[(.+)\]/;
const ENTRY = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/;
const COMMENT = /^\s*[#;]/;

/**
 * Reads INI text as Python's configparser does (the reader of repos.conf) into `into`, later values over earlier ones:
 * `key = value` or `key: value`, whole-line comments, values continued by indented lines.
 *
 * @returns the lines, counted from 1, that are none of these.
 */
export function parseIni(text: string, into: Ini): number[] {
  const bad: number[] = [];
  let section: Map<string, string> | undefined;
  let key: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || COMMENT.test(line)) continue;
    const name = sectionName(key === undefined ? line.trim() : line);
    const entry = ENTRY.exec(line);
    if (name !== undefined) {
      section = sectionOf(into, name);
      key = undefined;
    } else if (/^\s/.test(line) && section !== undefined && key !== undefined) {
      section.set(key, `${section.get(key)}\n${line.trim()}`);
    } else if (entry !== null && section !== undefined) {
      key = entry[1]!.toLowerCase();
      section.set(key, entry[2]!.trim());
    } else bad.push(index + 1);
  }
  return bad;
}

/** The section that a line begins; undefined when it begins none. */
export function sectionName(line: string): string | undefined {
  return SECTION.exec(line)?.[1];
}

function sectionOf(ini: Ini, name: string): Map<string, string> {
  const section = ini.get(name) ?? new Map<string, string>();
  ini.set(name, section);
  return section;
}
