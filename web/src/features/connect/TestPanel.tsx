import { Paper, Text, Title } from "@mantine/core";
import { useEffect, useRef } from "react";
import type { ConnectStep } from "../../api/client";
import { Banner } from "../../ui/Banner";
import { ServerWords } from "../../ui/ServerWords";
import { StepLine, StepList } from "./StepLine";
import { stepWords, waitingWords } from "./steps";
import classes from "./TestPanel.module.css";
import type { TestState } from "./useConnectTest";

const SIDES = { imap: "Incoming (IMAP)", smtp: "Outgoing (SMTP)" };

interface PanelProps {
  state: TestState;
  /** What is saved is tested, and nothing was typed. */
  stored?: boolean;
}

/** The steps of a connection test as they pass or fail, with the server's words and what to do. */
export function TestPanel({ state, stored = false }: PanelProps) {
  const sides = [
    ...new Set([...state.sides.map((each) => each.side), ...state.steps.map((each) => each.side)]),
  ];
  return (
    <Paper p="lg" className={classes.panel} component="section" aria-labelledby="test-title">
      <Title order={2} id="test-title">
        Test connection
      </Title>
      {state.phase === "idle" && (
        <Text c="dimmed">
          The test looks up each server, connects, encrypts and logs in, and shows every step with what the
          server said. It sends no mail.{!stored && " Saving runs it first."}
        </Text>
      )}
      <div aria-live="polite" className={classes.sides}>
        {sides.map((side) => (
          <Side key={side} side={side} state={state} />
        ))}
      </div>
      <Verdict state={state} stored={stored} />
    </Paper>
  );
}

function Side({ side, state }: { side: ConnectStep["side"]; state: TestState }) {
  const steps = state.steps.filter((each) => each.side === side);
  const encryption = state.sides.find((each) => each.side === side)?.encryption;
  const waiting = encryption && state.phase === "running" ? waitingWords(side, encryption, state.steps) : [];
  const skipped = state.phase === "ended" && steps.length === 0;
  return (
    <div>
      <Title order={3} mb="xs">
        {SIDES[side]}
      </Title>
      <StepList>
        {steps.map((step) => (
          <TestStep key={step.step} step={step} />
        ))}
      </StepList>
      {waiting.length > 0 && (
        <Text size="xs" c="dimmed" className={classes.waiting}>
          Waiting: {waiting.join(", ")}
        </Text>
      )}
      {skipped && (
        <Text size="xs" c="dimmed">
          Not reached.
        </Text>
      )}
    </div>
  );
}

/** One step of a connection test, with the server's words and what to do. */
export function TestStep({ step }: { step: ConnectStep }) {
  return (
    <StepLine
      mark={step.status}
      words={stepWords(step.step, step.status, step.reason)}
      detail={step.detail && <Detail>{step.detail}</Detail>}
      tookMs={step.took_ms}
    >
      {step.server_words && <ServerWords>{step.server_words}</ServerWords>}
      {step.fix && (
        <Text size="xs">
          <strong>What to do:</strong> {step.fix}
        </Text>
      )}
    </StepLine>
  );
}

/** What is known about a step. Dates, as of a certificate's end, stay in one piece. */
function Detail({ children }: { children: string }) {
  return children.split(/(\d{4}-\d{2}-\d{2})/).map((part, index) => {
    // Every second part is a date.
    const key = `${index} ${part}`;
    return index % 2 === 0 ? (
      part
    ) : (
      <span key={key} className={classes.date}>
        {part}
      </span>
    );
  });
}

/** The end of the test; brought into view, because the panel may be longer than the screen. */
function Verdict({ state, stored }: Required<PanelProps>) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (state.phase === "ended") root.current?.scrollIntoView?.({ block: "nearest" });
  }, [state.phase]);
  if (state.phase !== "ended") return null;
  return (
    <div ref={root}>
      <VerdictWords state={state} stored={stored} />
    </div>
  );
}

function passedWords(sides: ConnectStep["side"][]): string {
  if (sides.length > 1) return "Receiving and sending work.";
  return sides[0] === "imap" ? "Receiving works." : "Sending works.";
}

function VerdictWords({ state, stored }: Required<PanelProps>) {
  if (state.trouble) {
    return (
      <Banner tone="bad" alert>
        {state.trouble}
      </Banner>
    );
  }
  if (state.result?.ok) {
    return <Banner tone="ok">{passedWords(state.sides.map(({ side }) => side))}</Banner>;
  }
  const failed = state.steps.filter(({ status }) => status === "failed").length;
  return (
    <Banner tone="bad" alert>
      {failed > 1 ? "The steps marked above failed." : "The test stopped at the step marked above."}{" "}
      {stored
        ? "The account stays as it is; reconnect it if that does not pass by itself."
        : "Everything you typed is kept; change it and test again."}
    </Banner>
  );
}
