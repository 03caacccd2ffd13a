import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { api, open, outgoing, server } from "../../../test/world";

beforeEach(() => {
  // jsdom lays nothing out; the virtual list needs a height.
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
});

afterEach(() => vi.restoreAllMocks());

it("asks a person what happened to an uncertain message, twice", async () => {
  let state: "uncertain" | "sent" = "uncertain";
  const said: unknown[] = [];
  server.use(
    http.get(api("/accounts/ana/outgoing"), () =>
      HttpResponse.json({
        items: [outgoing("o1", { state, why: "The connection was lost." })],
        next_cursor: null,
      }),
    ),
    http.post(api("/outgoing/o1/resolve"), async ({ request }) => {
      said.push(await request.json());
      state = "sent";
      return HttpResponse.json(outgoing("o1", { state }));
    }),
  );
  const { user } = open("/accounts/ana/outbox");
  await user.click(await screen.findByRole("button", { name: "It was sent" }));
  expect(said).toEqual([]);
  const dialog = await screen.findByRole("dialog");
  await user.click(within(dialog).getByRole("button", { name: "It was sent" }));
  await waitFor(() => expect(said).toEqual([{ sent: true }]));
  expect(await screen.findByText("Sent")).toBeVisible();
});

it("shows what the server answered for each recipient", async () => {
  server.use(
    http.get(api("/accounts/ana/outgoing"), () =>
      HttpResponse.json({
        items: [
          outgoing("o1", {
            state: "sent",
            recipients: [
              { address: "ben@old.test", state: "accepted", server_words: "250 2.1.5 Ok" },
              { address: "no@old.test", state: "refused", server_words: "550 5.1.1 User unknown" },
            ],
          }),
        ],
        next_cursor: null,
      }),
    ),
  );
  open("/accounts/ana/outbox");
  const refused = (await screen.findByText("no@old.test")).closest("li");
  expect(refused).toHaveTextContent("Refused550 5.1.1 User unknown");
  expect(screen.getByText("ben@old.test").closest("li")).toHaveTextContent("Accepted250 2.1.5 Ok");
});

it("says once what the server said of the only recipient", async () => {
  const words = "550 5.1.1 User unknown";
  server.use(
    http.get(api("/accounts/ana/outgoing"), () =>
      HttpResponse.json({
        items: [
          outgoing("o1", {
            state: "failed",
            server_words: words,
            recipients: [{ address: "no@old.test", state: "refused", server_words: words }],
          }),
        ],
        next_cursor: null,
      }),
    ),
  );
  open("/accounts/ana/outbox");
  await screen.findByText("no@old.test");
  expect(screen.getAllByText(words)).toHaveLength(1);
});
