import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { Banner } from "../../ui/Banner";
import { Time } from "../../ui/Time";
import { useLive } from "./live";
import classes from "./Shell.module.css";

const GRACE_MS = 10_000;

/** Keeps the live stream, and says so when it has been lost for more than ten seconds. */
export function OfflineBanner() {
  const { lostSince, retry } = useLive();
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (lostSince === undefined) return;
    const timer = setTimeout(() => setLate(true), GRACE_MS);
    return () => clearTimeout(timer);
  }, [lostSince]);
  if (!late || lostSince === undefined) return null;
  return (
    <div className={classes.offline}>
      <Banner
        tone="warn"
        action={
          <Button size="compact-sm" variant="default" onClick={retry}>
            Try now
          </Button>
        }
      >
        No connection to Posthouse <Time at={new Date(lostSince).toISOString()} as="lasted" />. What you see
        may be out of date; it is fetched again as soon as the connection is back.
      </Banner>
    </div>
  );
}
