/** Where Portage finds the parts of the system; we serve the one that we run on, so there is no prefix. */
export const PREFIXES: ReadonlyMap<string, string> = new Map([
  ["BROOT", ""],
  ["EPREFIX", ""],
  ["EROOT", "/"],
  ["ESYSROOT", "/"],
  ["PORTAGE_CONFIGROOT", "/"],
  ["ROOT", "/"],
  ["SYSROOT", "/"],
]);
