import { act, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api, FakeEventSource, open, problem, server } from "../../../test/world";
import type { Import, ImportRow } from "../../api/client";

beforeEach(() => {
  // jsdom lays nothing out; the virtual list needs a height.
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
});

afterEach(() => vi.restoreAllMocks());

const NONE = { invalid: 0, waiting: 0, passed: 0, failed: 0, doubt: 0, connected: 0 };

function run(more: Partial<Import> = {}): Import {
  return {
    id: "r1",
    file_name: "people.csv",
    state: "ready",
    mode: null,
    ended: null,
    total: 2,
    counts: { ...NONE, waiting: 2 },
    progress: null,
    notes: [],
    doubts: [],
    created_at: new Date().toISOString(),
    ended_at: null,
    passwords_until: new Date(Date.now() + 86_000_000).toISOString(),
    ...more,
  };
}

function row(line: number, more: Partial<ImportRow> = {}): ImportRow {
  return {
    id: `row-${line}`,
    line,
    address: `box${line}@old.test`,
    display_name: `Box ${line}`,
    state: "waiting",
    due: false,
    provider: null,
    imap: null,
    smtp: null,
    problems: [],
    account_id: null,
    ...more,
  };
}

/** The server has this run, and answers every start with it. */
function has(current: Import | undefined, rows: ImportRow[] = [row(2), row(3)]) {
  const asked: unknown[] = [];
  const state = { current, rows };
  server.use(
    http.get(api("/accounts/imports"), () =>
      HttpResponse.json({ items: state.current ? [state.current] : [], next_cursor: null }),
    ),
    http.get(api("/accounts/imports/r1/rows"), ({ request }) => {
      const outcome = new URL(request.url).searchParams.get("outcome");
      const items = state.rows.filter((each) => !outcome || each.state === outcome);
      return HttpResponse.json({ items, next_cursor: null });
    }),
    http.post(api("/accounts/imports/r1/start"), async ({ request }) => {
      asked.push(await request.json());
      return HttpResponse.json(state.current, { status: 202 });
    }),
  );
  return { state, asked };
}

const csv = () => new File(["address\nbox2@old.test"], "people.csv", { type: "text/csv" });

describe("many accounts", () => {
  it("begins with a file, a sample and the columns, and sends the file as it is", async () => {
    const { state } = has(undefined);
    const sent: string[] = [];
    server.use(
      http.post(api("/accounts/imports"), ({ request }) => {
        sent.push(`${request.headers.get("content-type")} ${new URL(request.url).search}`);
        state.current = run();
        return HttpResponse.json(state.current, { status: 201 });
      }),
    );
    const { user } = open("/accounts/add/many");
    expect(await screen.findByRole("link", { name: "Download a sample" })).toHaveAttribute(
      "href",
      "/api/v1/accounts/imports/sample.csv",
    );
    await user.click(screen.getByText("The columns"));
    expect(screen.getByText("imap_encryption")).toBeVisible();
    await user.upload(screen.getByLabelText("CSV file"), csv());
    expect(await screen.findByRole("heading", { name: "people.csv" })).toBeVisible();
    expect(sent).toEqual(["text/csv ?name=people.csv"]);
    expect(screen.queryByLabelText("CSV file")).not.toBeInTheDocument();
    expect(screen.getByRole("button", { name: "Test 2 rows" })).toBeEnabled();
  });

  it("says why a file cannot be used and keeps the place for another", async () => {
    has(undefined);
    server.use(
      http.post(api("/accounts/imports"), () => problem(422, "validation_failed", "The file has no rows.")),
    );
    const { user } = open("/accounts/add/many");
    await user.upload(await screen.findByLabelText("CSV file"), csv());
    expect(await screen.findByRole("alert")).toHaveTextContent("The file has no rows.");
    expect(screen.getByRole("button", { name: "Choose file" })).toBeEnabled();
  });

  it("tests, shows each row's result with the server's words, and connects what passed", async () => {
    const failed = row(3, {
      state: "failed",
      imap: { host: "imap.old.test", port: 993, encryption: "tls", username: "b" },
      problems: [
        {
          message: "The login was refused.",
          side: "imap",
          step: "login",
          reason: "login_refused",
          server_words: "NO [AUTHENTICATIONFAILED]",
        },
      ],
    });
    const { state, asked } = has(run({ counts: { ...NONE, passed: 1, failed: 1 }, mode: "test" }), [
      row(2, { state: "passed" }),
      failed,
    ]);
    const { user } = open("/accounts/add/many");
    expect(await screen.findByText("Receiving (IMAP): The login was refused.")).toBeVisible();
    expect(screen.getByText("NO [AUTHENTICATIONFAILED]")).toBeVisible();
    expect(screen.getByRole("link", { name: "Download 1 failed row" })).toHaveAttribute(
      "href",
      "/api/v1/accounts/imports/r1/failed.csv",
    );
    const filter = within(screen.getByRole("group", { name: "Rows to show" }));
    await user.click(filter.getByRole("button", { name: "Failed 1" }));
    await waitFor(() => expect(screen.queryByText("box2@old.test")).not.toBeInTheDocument());
    state.current = run({
      state: "connecting",
      counts: { ...NONE, passed: 1, failed: 1 },
      progress: { done: 0, total: 1 },
    });
    await user.click(screen.getByRole("button", { name: "Connect the 1 that passed" }));
    expect(await screen.findByText("Connecting: 0 of 1 row")).toBeVisible();
    expect(asked).toEqual([{ mode: "connect", rows: "passed", confirm_hosts: [] }]);
    state.current = run({
      state: "ended",
      ended: "finished",
      counts: { ...NONE, connected: 1, failed: 1 },
      passwords_until: null,
    });
    act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "imports", account_id: null }));
    expect(await screen.findByText(/1 account connected, 1 not\. .*The passwords are erased/)).toBeVisible();
    expect(screen.getByLabelText("CSV file")).toBeInTheDocument();
  });

  it("sends no password to hosts before a person named them", async () => {
    const doubts = [
      { hosts: ["imap.x.test", "smtp.x.test"], why: "The SRV record leads to servers of x.test.", rows: 2 },
      { hosts: ["mail.y.test"], why: "The MX record leads to servers of y.test.", rows: 1 },
    ];
    const { asked } = has(run({ mode: "connect", counts: { ...NONE, doubt: 3 }, total: 3, doubts }));
    const { user } = open("/accounts/add/many");
    const region = within(await screen.findByRole("region", { name: "Servers to confirm" }));
    expect(region.getByRole("button", { name: "Connect" })).toBeDisabled();
    await user.click(region.getByRole("checkbox", { name: "imap.x.test, smtp.x.test (2 rows)" }));
    await user.click(region.getByRole("button", { name: "Connect 2 rows" }));
    await waitFor(() =>
      expect(asked).toEqual([
        { mode: "connect", rows: "doubt", confirm_hosts: ["imap.x.test", "smtp.x.test"] },
      ]),
    );
  });

  it("stops, and forgets a file", async () => {
    const { state } = has(run({ state: "testing", progress: { done: 1, total: 2 } }));
    const calls: string[] = [];
    const gone: string[] = [];
    server.use(
      http.get(api("/accounts/imports/r1/rows"), () => {
        if (state.current) return HttpResponse.json({ items: state.rows, next_cursor: null });
        gone.push("rows");
        return problem(404, "not_found", "There is no such import.");
      }),
      http.post(api("/accounts/imports/r1/stop"), () => {
        calls.push("stop");
        state.current = run();
        return HttpResponse.json(state.current);
      }),
      http.delete(api("/accounts/imports/r1"), () => {
        calls.push("discard");
        state.current = undefined;
        // The live stream is quicker than the answer.
        FakeEventSource.all.at(-1)?.say("topic", { topic: "imports" });
        return new HttpResponse(null, { status: 204 });
      }),
    );
    const { user, router } = open("/accounts/add/many");
    await user.click(await screen.findByRole("button", { name: "Stop" }));
    const discard = await screen.findByRole("button", { name: "Discard" });
    await waitFor(() => expect(router.options.context.queryClient.isFetching()).toBe(0));
    await user.click(discard);
    expect(await screen.findByLabelText("CSV file")).toBeInTheDocument();
    expect(calls).toEqual(["stop", "discard"]);
    expect(gone).toEqual([]);
  });

  it("says what is wrong when no row can be connected", async () => {
    has(
      run({ counts: { ...NONE, invalid: 2 }, notes: ['Columns that are not known here are not used: "x".'] }),
      [row(2, { state: "invalid", problems: [{ column: "imap_port", message: "A port is a number." }] })],
    );
    open("/accounts/add/many");
    expect(await screen.findByText(/No row can be connected/)).toBeVisible();
    expect(screen.getByText(/Columns that are not known/)).toBeVisible();
    expect(await screen.findByText("imap_port: A port is a number.")).toBeVisible();
    expect(screen.queryByRole("button", { name: /Test/ })).not.toBeInTheDocument();
  });

  it("says why its imports could not be loaded, and tries again", async () => {
    has(run());
    server.use(
      http.get(api("/accounts/imports"), () => problem(403, "forbidden", "Not for you."), { once: true }),
    );
    const { user } = open("/accounts/add/many");
    expect(await screen.findByText(/Not for you/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("button", { name: "Test 2 rows" })).toBeVisible();
  });
});
