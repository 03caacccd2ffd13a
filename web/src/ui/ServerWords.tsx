import classes from "./ServerWords.module.css";

/** What a mail server said, word for word. */
export function ServerWords({ children }: { children: string }) {
  return (
    <code className={classes.root} dir="auto">
      {children}
    </code>
  );
}
