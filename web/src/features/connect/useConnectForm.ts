import { useForm } from "@mantine/form";
import { type FormEvent, useRef } from "react";
import type { ConnectRequest, ReconnectRequest } from "../../api/client";
import { useOneAtATime } from "../../ui/action";
import { useUnsaved } from "../../ui/unsaved";
import type { Errors, FormOf, PairValues } from "./form";
import { useConnectTest } from "./useConnectTest";
import { useFormTrouble } from "./useFormTrouble";

interface Ways<Values, Body> {
  /** Where the connection test is. */
  testPath: string;
  initial: Values;
  check: (values: Values) => Errors;
  toBody: (values: Values) => Body;
  /** Fills in what the page finds out by itself, before anything is checked. */
  complete?: (form: FormOf<Values>) => Promise<void>;
  save: (body: Body) => Promise<void>;
}

/** A form whose servers are tested, step by step, before they are saved. */
export function useConnectForm<Values extends PairValues, Body extends ConnectRequest | ReconnectRequest>({
  testPath,
  initial,
  check,
  toBody,
  complete,
  save,
}: Ways<Values, Body>) {
  const test = useConnectTest(testPath);
  const form: FormOf<Values> = useForm({ initialValues: initial, validate: check });
  const trouble = useFormTrouble(form);
  const panel = useRef<HTMLDivElement>(null);
  const once = useOneAtATime();

  /** Undefined when something is missing. */
  const request = async (): Promise<Body | undefined> => {
    trouble.clear();
    try {
      await complete?.(form);
    } catch (error) {
      trouble.remote(error);
      return undefined;
    }
    const { hasErrors, errors } = form.validate();
    if (!hasErrors) return toBody(form.getValues());
    trouble.local(errors);
    return undefined;
  };
  const runTest = async (body: Body) => {
    panel.current?.scrollIntoView?.({ block: "nearest" });
    const { ok, error } = await test.run(body);
    if (error) trouble.remote(error);
    return ok;
  };
  const testOnly = async () => {
    const body = await request();
    if (body) await runTest(body);
  };
  const saveTested = async () => {
    const body = await request();
    if (!body || (!test.hasPassed(body) && !(await runTest(body)))) return;
    try {
      await save(body);
    } catch (error) {
      test.refuse(error);
      trouble.remote(error);
    }
  };
  return {
    form,
    trouble,
    panel,
    testState: test.state,
    onTest: () => void once(testOnly),
    onSubmit: (event: FormEvent) => {
      event.preventDefault();
      void once(saveTested);
    },
  };
}

/** The part of the flow that a page shows. */
export type ConnectFlow = Omit<ReturnType<typeof useConnectForm<PairValues, ConnectRequest>>, "form">;

/** What was typed is not lost without a question, until it is saved. */
export function useUnsavedForm<T>(form: FormOf<T>, saved: boolean): void {
  useUnsaved(form.isDirty() && !saved);
}
