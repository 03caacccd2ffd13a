import classes from "./Tags.module.css";

/** The tags of an account as small badges; what does not fit its place is cut off, and told on hover and to screen readers. */
export function TagBadges({ tags }: { tags: string[] }) {
  if (tags.length === 0) return null;
  return (
    <ul className={classes.badges} aria-label="Tags" title={tags.join(", ")}>
      {tags.map((tag) => (
        <li key={tag} className={classes.badge} dir="auto">
          {tag}
        </li>
      ))}
    </ul>
  );
}
