/** Sections of an INI file: their keys (in lower case) and values. */
export type Ini = Map<string, Map<string, string>>;

/** What one line of an INI file is; `more` goes on with the value of the entry before it. */
export type IniLine =
  | { readonly kind: "section"; readonly name: string }
  | { readonly kind: "entry"; readonly key: string; readonly value: string }
  | { readonly kind: "more"; readonly value: string }
  | { readonly kind: "blank" | "bad" };

/** configparser's SECTCRE: up to the last bracket, and whatever stands behind that. */
const SECTION = /^\[(.+)\]/;
const ENTRY = /^([^\s=:][^=:]*)[=:]\s*(.*)$/;
const COMMENT = /^[#;]/;

/**
 * Reads INI text as Python's configparser does (the reader of repos.conf) into `into`, later values over earlier ones:
 * `key = value` or `key: value`, whole-line comments, values continued by lines that are indented deeper.
 *
 * @returns the lines, counted from 1, that are none of these.
 */
export function parseIni(text: string, into: Ini): number[] {
  const bad: number[] = [];
  let section = new Map<string, string>();
  let key = "";
  for (const [index, line] of iniLines(text.split("\n")).entries()) {
    if (line.kind === "section") section = sectionOf(into, line.name);
    else if (line.kind === "entry") section.set((key = line.key), line.value);
    else if (line.kind === "more") section.set(key, `${section.get(key)}\n${line.value}`);
    else if (line.kind === "bad") bad.push(index + 1);
  }
  return bad;
}

/** Says of each line what it is, given those before it. */
export function iniLines(lines: readonly string[]): IniLine[] {
  let inSection = false;
  let inEntry = false;
  let depth = 0; // of the last line that began something: what is deeper goes on with its value
  return lines.map((line) => {
    const text = line.trim();
    if (text === "" || COMMENT.test(text)) return { kind: "blank" };
    if (inEntry && indentOf(line).length > depth) return { kind: "more", value: text };
    depth = indentOf(line).length;
    const begun = beginning(text, inSection);
    inSection ||= begun.kind === "section";
    if (begun.kind !== "bad") inEntry = begun.kind === "entry";
    return begun;
  });
}

/** The blanks that a line begins with. */
export function indentOf(line: string): string {
  return line.slice(0, line.search(/\S|$/));
}

function beginning(text: string, inSection: boolean): IniLine {
  const [, name] = SECTION.exec(text) ?? [];
  const [, key, value] = ENTRY.exec(text) ?? [];
  if (name !== undefined) return { kind: "section", name };
  if (!inSection || key === undefined) return { kind: "bad" };
  return { kind: "entry", key: key.trimEnd().toLowerCase(), value: value! };
}

function sectionOf(ini: Ini, name: string): Map<string, string> {
  const section = ini.get(name) ?? new Map<string, string>();
  ini.set(name, section);
  return section;
}
