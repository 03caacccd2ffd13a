/** The places where servers are looked for, in words, and how the steps received so far make a picture. */
import type { Looked } from "../../api/client";
import type { Mark } from "./StepLine";

const PLACES: Record<Looked["place"], string> = {
  domain_table: "Posthouse's own table of providers",
  mx: "Who takes the domain's mail",
  autoconfig: "Settings that the domain publishes",
  well_known: "Settings on the domain's website",
  autoconfig_of_mx: "Settings of whoever takes the mail",
  autoconfig_http: "Settings over an unprotected connection",
  srv: "The domain's service records",
  guess: "Usual server names",
};

const MARKS: Record<Looked["outcome"], Mark> = {
  running: "running",
  found: "passed",
  nothing: "empty",
  no_such_name: "empty",
  takes_no_mail: "missed",
  unusable: "missed",
  timed_out: "missed",
  failed: "missed",
  not_asked: "empty",
};

export function placeWords({ place }: Looked): string {
  return PLACES[place];
}

export function markOf({ outcome }: Looked): Mark {
  return MARKS[outcome];
}

/** Puts a place where its earlier state stands, or at the end. */
export function withLooked(all: Looked[], next: Looked): Looked[] {
  const at = all.findIndex((each) => each.place === next.place);
  return at < 0 ? [...all, next] : all.with(at, next);
}

/** Whether the same question over plain http could have another answer: a name that does not exist has none. */
export function httpMayHelp(looked: Looked[]): boolean {
  const without: Looked["outcome"][] = ["nothing", "unusable", "timed_out", "failed"];
  return (
    looked.some(({ place, outcome }) => place === "autoconfig" && without.includes(outcome)) &&
    !looked.some(({ place, outcome }) => place === "autoconfig_http" && outcome !== "not_asked")
  );
}
