import classes from "./ServerWords.module.css";

/** More than this pushes what to do off the screen: then the words scroll by themselves. */
export const LONG_WORDS = 400;

/** What a mail server said, word for word. */
export function ServerWords({ children }: { children: string }) {
  if (children.length <= LONG_WORDS) {
    return (
      <code className={classes.root} dir="auto">
        {children}
      </code>
    );
  }
  return (
    <section
      className={classes.long}
      aria-label="What the server said"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
      tabIndex={0}
    >
      <code className={classes.words} dir="auto">
        {children}
      </code>
    </section>
  );
}
