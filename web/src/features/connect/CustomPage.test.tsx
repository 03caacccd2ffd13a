import { screen, waitFor, within } from "@testing-library/react";
import type { UserEvent } from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { account, api, open, problem, server, step, stream } from "../../../test/world";

/** The server field of one side: the two have the same label in different groups. */
function host(side: "smtp" | "imap"): HTMLElement {
  const field = document.getElementById(`${side}.host`);
  if (!field) throw new Error(`no ${side} server field`);
  return field;
}

async function fill(user: UserEvent) {
  await user.type(await screen.findByLabelText("Email address"), "ben@old.test");
  await user.type(screen.getByLabelText("Display name"), "Ben Kim");
  await user.type(host("smtp"), "smtp.old.test");
  await user.type(host("imap"), "imap.old.test");
  await user.type(screen.getByLabelText("Password"), "secret");
}

it("shows each step as it comes, with the server's words and what to do", async () => {
  const test = stream();
  server.use(http.post(api("/accounts/test"), test.response));
  const { user } = open("/accounts/add/custom");
  await fill(user);
  await user.click(screen.getByRole("button", { name: "Test connection" }));
  const panel = screen.getByRole("region", { name: "Test connection" });

  test.say("step", step({ side: "imap", step: "dns", status: "running" }));
  expect(await within(panel).findByText("Looking up the name")).toBeVisible();
  expect(within(panel).getByText(/^Waiting: Connection, TLS, Greeting, Login, Folders$/)).toBeVisible();

  test.say("step", step({ side: "imap", step: "dns", status: "passed", took_ms: 12, detail: "10.0.0.1" }));
  expect(await within(panel).findByText("Name found")).toBeVisible();
  expect(within(panel).getByText("12 ms")).toBeVisible();
  expect(within(panel).getByText("10.0.0.1")).toBeVisible();

  test.say(
    "step",
    step({
      side: "imap",
      step: "login",
      status: "failed",
      server_words: "NO bad login",
      fix: "Use an app password.",
    }),
  );
  test.say("done", { ok: false, imap_ok: false, smtp_ok: null });
  test.end();
  expect(await within(panel).findByText("Login refused")).toBeVisible();
  expect(within(panel).getByText("NO bad login").tagName).toBe("CODE");
  expect(within(panel).getByText(/Use an app password/)).toBeVisible();
  expect(within(panel).getByRole("alert")).toHaveTextContent("stopped");
  expect(screen.getByLabelText("Email address")).toHaveValue("ben@old.test");
});

it("keeps everything typed when saving is refused, and shows the step it stopped at", async () => {
  const test = stream();
  server.use(
    http.post(api("/accounts/test"), test.response),
    http.post(api("/accounts"), () =>
      problem(422, "connect_failed", "The server refused the login.", {
        step: step({ side: "smtp", step: "auth", status: "failed", server_words: "535 5.7.8 no" }),
      }),
    ),
  );
  const { user } = open("/accounts/add/custom");
  await fill(user);
  await user.click(screen.getByRole("button", { name: "Save account" }));
  test.say("done", { ok: true, imap_ok: true, smtp_ok: true });
  test.end();
  expect(await screen.findByText("535 5.7.8 no")).toBeVisible();
  expect(screen.getByText(/Not saved/)).toBeVisible();
  expect(screen.getByLabelText("Password")).toHaveValue("secret");
});

it("puts the server's field errors under the fields and on top", async () => {
  server.use(
    http.post(api("/accounts/test"), () =>
      problem(422, "validation_failed", "Some fields are not right.", {
        fields: [{ field: "smtp.host", code: "private", message: "This server is on a private network." }],
      }),
    ),
  );
  const { user } = open("/accounts/add/custom");
  await fill(user);
  await user.click(screen.getByRole("button", { name: "Test connection" }));
  const link = await screen.findByRole("link", { name: "This server is on a private network." });
  await user.click(link);
  expect(host("smtp")).toHaveFocus();
});

it("sums up what is missing before it asks the server", async () => {
  const { user } = open("/accounts/add/custom");
  await user.click(await screen.findByRole("button", { name: "Save account" }));
  expect(await screen.findByText("6 things need your attention")).toBeVisible();
});

it("saves after a passed test without testing twice, and goes on to how it is kept in sync", async () => {
  let tests = 0;
  const bodies: unknown[] = [];
  server.use(
    http.post(api("/accounts/test"), () => {
      tests += 1;
      const test = stream();
      test.say("done", { ok: true, imap_ok: true, smtp_ok: true });
      test.end();
      return test.response();
    }),
    http.post(api("/accounts"), async ({ request }) => {
      bodies.push(await request.json());
      return HttpResponse.json(account("ben"), { status: 201 });
    }),
  );
  const { user, router } = open("/accounts/add/custom");
  await fill(user);
  await user.click(screen.getByRole("button", { name: "Test connection" }));
  expect(await screen.findByText("Receiving and sending work.")).toBeVisible();
  await user.dblClick(screen.getByRole("button", { name: "Save account" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ben/start"));
  expect(tests).toBe(1);
  expect(bodies).toEqual([
    expect.objectContaining({
      address: "ben@old.test",
      imap: expect.objectContaining({ password: "secret" }),
    }),
  ]);
});

it("takes what is pasted as a server apart, and refuses what is no name", async () => {
  const { user } = open("/accounts/add/custom");
  await screen.findByLabelText("Email address");
  const port = () => document.getElementById("imap.port");
  await user.type(host("imap"), "localhost:1993");
  await user.tab();
  expect(host("imap")).toHaveValue("localhost");
  expect(port()).toHaveValue("1993");
  await user.clear(host("imap"));
  await user.type(host("imap"), "http://mail.old.test/");
  await user.tab();
  expect(host("imap")).toHaveValue("mail.old.test");
  await user.clear(host("imap"));
  await user.type(host("imap"), "ben@old.test");
  await user.tab();
  expect(screen.getByText(/Only the name of the server/)).toBeVisible();
});

it("never makes another port of what is none", async () => {
  const { user } = open("/accounts/add/custom");
  await screen.findByLabelText("Email address");
  const port = document.getElementById("imap.port") as HTMLElement;
  await user.click(port);
  await user.paste("abc-1.5e9");
  expect(port).toHaveValue("993");
  expect(screen.getByText("Digits only.")).toBeVisible();
  await user.clear(port);
  await user.type(port, "143");
  expect(port).toHaveValue("143");
  expect(screen.queryByText("Digits only.")).not.toBeInTheDocument();
});
