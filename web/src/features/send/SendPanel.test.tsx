import { screen, waitFor } from "@testing-library/react";
import type { UserEvent } from "@testing-library/user-event";
import { delay, HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { api, open, outgoing, problem, server } from "../../../test/world";

async function openPanel(user: UserEvent) {
  await user.click(await screen.findByRole("button", { name: "Actions for ana@acme.test" }));
  await user.click(await screen.findByRole("menuitem", { name: "Send email" }));
  await screen.findByLabelText("Message");
}

it("keeps the text and the key when sending fails, and sends with Ctrl Enter", async () => {
  const keys: (string | null)[] = [];
  const bodies: unknown[] = [];
  let failures = 2;
  server.use(
    http.post(api("/accounts/ana/outgoing"), async ({ request }) => {
      keys.push(request.headers.get("idempotency-key"));
      bodies.push(await request.json());
      failures -= 1;
      if (failures === 1) {
        return problem(422, "validation_failed", "Some fields are not right.", {
          fields: [{ field: "to", code: "invalid", message: "“nobody” is not an email address." }],
        });
      }
      if (failures === 0) return HttpResponse.error();
      return HttpResponse.json(outgoing("o1"), { status: 202 });
    }),
    http.get(api("/outgoing/o1"), () => HttpResponse.json(outgoing("o1", { state: "sent" }))),
  );
  const { user } = open("/accounts");
  await openPanel(user);
  await user.type(screen.getByLabelText("To"), "nobody");
  await user.type(screen.getByLabelText("Subject"), "Offer");
  await user.type(screen.getByLabelText("Message"), "Hello Ben");
  await user.keyboard("{Control>}{Enter}{/Control}");
  expect(await screen.findByRole("link", { name: "“nobody” is not an email address." })).toBeVisible();
  expect(screen.getByLabelText("Message")).toHaveValue("Hello Ben");

  await user.clear(screen.getByLabelText("To"));
  expect(screen.queryByRole("alert")).not.toBeInTheDocument();
  await user.type(screen.getByLabelText("To"), "ben@old.test");
  await user.click(screen.getByRole("button", { name: "Send" }));
  expect(await screen.findByText(/Sending again is safe/)).toBeVisible();
  expect(screen.getByLabelText("Message")).toHaveValue("Hello Ben");

  await user.dblClick(screen.getByRole("button", { name: "Send" }));
  const link = await screen.findByRole("link", { name: "Show in outbox" });
  expect(link).toHaveAttribute("href", "/accounts/ana/outbox?entry=o1");
  await waitFor(() => expect(screen.queryByLabelText("Message")).not.toBeInTheDocument());
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[!-~]{8,128}$/);
  expect(bodies.at(-1)).toEqual({ to: "ben@old.test", subject: "Offer", body: "Hello Ben" });
});

it("asks before typed text is thrown away", async () => {
  const { user } = open("/accounts");
  await openPanel(user);
  await user.type(screen.getByLabelText("Message"), "Hello");
  await user.keyboard("{Escape}");
  expect(await screen.findByText("Discard this message?")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Keep writing" }));
  expect(screen.getByLabelText("Message")).toHaveValue("Hello");
  await waitFor(() => expect(screen.getByLabelText("Message")).toHaveFocus());
});

it("closes at once when nothing was typed", async () => {
  const { user } = open("/accounts");
  await openPanel(user);
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByLabelText("Message")).not.toBeInTheDocument());
});

it("keeps the text when the account was deleted elsewhere, and says so", async () => {
  server.use(http.post(api("/accounts/ana/outgoing"), () => problem(404, "not_found", "No such account.")));
  const { user } = open("/accounts");
  await openPanel(user);
  await user.type(screen.getByLabelText("To"), "ben@old.test");
  await user.type(screen.getByLabelText("Message"), "Hello Ben");
  await user.click(screen.getByRole("button", { name: "Send" }));
  expect(await screen.findByText(/This account was deleted/)).toBeVisible();
  expect(screen.getByLabelText("Message")).toHaveValue("Hello Ben");
});

it("says that it still waits for a server that hangs, and can stop waiting and send again", async () => {
  const keys: (string | null)[] = [];
  server.use(
    http.post(api("/accounts/ana/outgoing"), async ({ request }) => {
      keys.push(request.headers.get("idempotency-key"));
      if (keys.length === 1) await delay("infinite");
      return HttpResponse.json(outgoing("o1"), { status: 202 });
    }),
    http.get(api("/outgoing/o1"), () => HttpResponse.json(outgoing("o1", { state: "sent" }))),
  );
  const { user } = open("/accounts");
  await openPanel(user);
  await user.type(screen.getByLabelText("To"), "ben@old.test");
  await user.click(screen.getByRole("button", { name: "Send" }));
  await user.click(await screen.findByRole("button", { name: "Stop waiting" }));
  expect(await screen.findByText(/Sending again is safe/)).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Send" }));
  expect(await screen.findByRole("link", { name: "Show in outbox" })).toBeVisible();
  expect(new Set(keys).size).toBe(1);
});
