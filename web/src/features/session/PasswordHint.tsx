import { PASSWORD_MIN, passwordStrength } from "../../lib/password";
import classes from "./PasswordHint.module.css";

/** Four bars and a word under a new password. */
export function PasswordHint({ password, known }: { password: string; known: string[] }) {
  const { level, word } = passwordStrength(password, known);
  if (level === 0) return <>At least {PASSWORD_MIN} characters. A sentence is easy to keep in mind.</>;
  return (
    <span className={classes.root} data-level={level}>
      <span className={classes.bars} aria-hidden>
        {[1, 2, 3, 4].map((bar) => (
          <span key={bar} data-on={bar <= level || undefined} />
        ))}
      </span>
      <span aria-live="polite">{word}</span>
    </span>
  );
}
