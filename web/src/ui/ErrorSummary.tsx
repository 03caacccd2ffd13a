import { Anchor, List, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import { Banner } from "./Banner";
import classes from "./ErrorSummary.module.css";
import { ThatAccount } from "./ThatAccount";

export interface SummaryEntry {
  /** The id of the field, when there is one. */
  field?: string;
  message: string;
  /** The account that is in the way. */
  account?: string | undefined;
}

/** The errors of a form on top of it, each leading to its field. Takes the focus whenever `round` grows. */
export function ErrorSummary({ entries, round }: { entries: SummaryEntry[]; round: number }) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (round > 0) root.current?.focus();
  }, [round]);
  if (entries.length === 0) return null;
  return (
    <div ref={root} tabIndex={-1} className={classes.root}>
      <Banner tone="bad" alert>
        {entries.length > 1 && <Text fw={500}>{entries.length} things need your attention</Text>}
        <List listStyleType={entries.length > 1 ? "disc" : "none"} size="sm">
          {entries.map((entry) => (
            <List.Item key={`${entry.field}${entry.message}`}>
              {entry.field ? (
                <Anchor
                  href={`#${entry.field}`}
                  className={classes.link}
                  underline="always"
                  c="inherit"
                  onClick={(event) => {
                    event.preventDefault();
                    document.getElementById(entry.field ?? "")?.focus();
                  }}
                >
                  {entry.message}
                </Anchor>
              ) : (
                entry.message
              )}
              {entry.account && (
                <>
                  {" "}
                  <ThatAccount id={entry.account} />
                </>
              )}
            </List.Item>
          ))}
        </List>
      </Banner>
    </div>
  );
}
