import { useState } from "react";
import { asApiError, type FieldProblem } from "../../lib/problem";
import type { SummaryEntry } from "../../ui/ErrorSummary";
import type { FormOf } from "./form";

/** Errors of a form: each under its field, all of them on top. */
export function useFormTrouble<T extends object>(form: FormOf<T>) {
  const [entries, setEntries] = useState<SummaryEntry[]>([]);
  const [round, setRound] = useState(0);

  const show = (next: SummaryEntry[]) => {
    setEntries(next);
    setRound((now) => now + 1);
  };
  const fields = (problems: Pick<FieldProblem, "field" | "message">[]) => {
    form.setErrors(Object.fromEntries(problems.map((each) => [each.field, each.message])));
    show(problems);
  };
  return {
    entries,
    round,
    clear: () => setEntries([]),
    /** What the page found before it asked the server. */
    local: (errors: Record<string, unknown>) =>
      show(Object.entries(errors).map(([field, message]) => ({ field, message: String(message) }))),
    /** What the server answered. A failed step is not repeated here: the test panel shows it. */
    remote: (error: unknown) => {
      const problem = asApiError(error);
      if (problem.fields.length > 0) fields(problem.fields);
      else if (problem.code === "connect_failed")
        show([{ message: "Not saved: the connection test failed." }]);
      else if (problem.code === "address_taken") {
        const taken = { field: "address", message: problem.message };
        form.setErrors({ address: taken.message });
        show([{ ...taken, account: problem.accountId }]);
      } else show([{ message: problem.message }]);
    },
  };
}
