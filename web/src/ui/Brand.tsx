import classes from "./Brand.module.css";

/** The mark: an envelope that is a house. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" className={classes.mark} aria-hidden focusable={false}>
      <rect width="32" height="32" rx="7" />
      <path d="M7 14.5 16 8l9 6.5V24H7z" />
      <path d="m8 15.5 8 5 8-5" />
    </svg>
  );
}
