/** Texts of strangers beside ours. */

/** Embeddings, overrides and isolates: one that is closed in a text would close the isolate around it. */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

/** Keeps the writing direction of a text to itself, where no element can (Unicode's FSI and PDI). */
export function isolated(text: string): string {
  return text && `\u2068${text.replace(TURNS, "")}\u2069`;
}

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function firstLetter(word: string): string {
  return letters.segment(word)[Symbol.iterator]().next().value?.segment ?? "";
}

/** "AD" for "Ana Diaz": the first letter of the first and of the last word, as people count letters. */
export function initials(name: string): string {
  const words = name
    .replace(/\p{Bidi_Control}/gu, "")
    .trim()
    .split(/\s+/);
  const ends = words.length > 1 ? [words.at(0), words.at(-1)] : words;
  return ends.map((word) => firstLetter(word ?? "").toUpperCase()).join("");
}

const RIGHT_TO_LEFT =
  /^[^\p{L}]*[\p{sc=Arabic}\p{sc=Hebrew}\p{sc=Syriac}\p{sc=Thaana}\p{sc=Nko}\p{sc=Adlam}]/u;

/** The writing direction of a list that begins with this text: what is cut off is then its end. */
export function directionOf(text: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.test(text) ? "rtl" : "ltr";
}
