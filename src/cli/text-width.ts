/** What takes no column of a terminal: marks that stand on the character before, and what only steers. */
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/gu;
/** What takes two columns: nearly all that UAX 11 calls wide or fullwidth. */
const WIDE =
  /(?![\uff61-\uffdc])[\p{sc=Hani}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/gu;
const NARROW_ONLY = /^[\x20-\x7e]*$/;

/** How many columns of a terminal a text takes that is one line. */
export function textWidth(text: string): number {
  if (NARROW_ONLY.test(text)) return text.length;
  return Array.from(text.replace(WITHOUT_WIDTH, "")).length + (text.match(WIDE)?.length ?? 0);
}
