/** A hint while a password is typed. The server decides what it accepts; this only helps to choose. */
export const PASSWORD_MIN = 10;

export interface Strength {
  /** 0 (nothing yet) to 4. */
  level: 0 | 1 | 2 | 3 | 4;
  word: string;
}

/** Length counts most; repeated characters and one's own name or address count little. */
export function passwordStrength(password: string, known: string[]): Strength {
  if (password === "") return { level: 0, word: "" };
  let rest = password.toLowerCase();
  for (const part of known.flatMap((value) => value.toLowerCase().split(/[^\p{L}\p{N}]+/u))) {
    if (part.length >= 3) rest = rest.split(part).join("");
  }
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) =>
    kind.test(password),
  ).length;
  const effective = Math.min(rest.length, new Set(rest).size * 2) + kinds - 1;
  if (password.length < PASSWORD_MIN)
    return { level: 1, word: `Too short: at least ${PASSWORD_MIN} characters` };
  if (effective < 12) return { level: 2, word: "Weak: easy to guess" };
  if (effective < 17) return { level: 3, word: "Good" };
  return { level: 4, word: "Strong" };
}
