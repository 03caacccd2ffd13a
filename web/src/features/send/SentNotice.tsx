import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { AnchorLink } from "../../ui/links";
import { StateLabel } from "../../ui/StateLabel";
import { isFinal, outgoingQuery } from "./queries";
import classes from "./Send.module.css";
import { SEND_STATES } from "./words";

/** What became of a message that was just handed over; follows it until that is known. */
export function SentNotice({ id, onDone }: { id: string; onDone: () => void }) {
  const { data } = useQuery(outgoingQuery(id));
  const done = useRef(onDone);
  const ended = data ? isFinal(data.state) : false;
  useEffect(() => {
    if (ended) done.current();
  }, [ended]);
  if (!data) return null;
  const { word, tone, icon } = SEND_STATES[data.state];
  return (
    <>
      <StateLabel tone={tone} icon={icon}>
        {word}
      </StateLabel>
      <Text truncate dir="auto" className={classes.theirs}>
        {data.subject || "(no subject)"}
      </Text>
      {data.why && (
        <Text size="xs" c="dimmed">
          {data.why}
        </Text>
      )}
      <AnchorLink
        to="/accounts/$id/outbox"
        params={{ id: data.account_id }}
        search={{ entry: id }}
        size="xs"
        className={classes.show}
      >
        Show in outbox
      </AnchorLink>
    </>
  );
}
