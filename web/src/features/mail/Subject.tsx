import { Title, UnstyledButton } from "@mantine/core";
import { useLayoutEffect, useRef, useState } from "react";
import classes from "./Mail.module.css";

/** The subject of an open message: three lines of it, and the rest on request. */
export function Subject({ children }: { children: string }) {
  const [whole, setWhole] = useState(false);
  const [cut, setCut] = useState(false);
  const title = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    const { current } = title;
    if (!current || whole) return;
    const measure = () => setCut(current.scrollHeight > current.clientHeight);
    measure();
    // Another width makes other lines.
    const watcher = new ResizeObserver(measure);
    watcher.observe(current);
    return () => watcher.disconnect();
  }, [whole]);
  return (
    <div>
      <Title order={2} ref={title} className={classes.title} data-whole={whole || undefined} dir="auto">
        {children}
      </Title>
      {cut && (
        <UnstyledButton className={classes.more} onClick={() => setWhole(!whole)} aria-expanded={whole}>
          {whole ? "Show less" : "Show all of the subject"}
        </UnstyledButton>
      )}
    </div>
  );
}
