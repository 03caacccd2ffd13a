import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { account, api, open, server } from "../../../test/world";

const ROW = {
  id: "m1",
  account_id: "ana",
  thread_id: "t1",
  from: { name: "Cleo", address: "cleo@else.test" },
  to: [],
  subject: "Lost letter",
  snippet: "",
  date: "2026-11-20T10:00:00.000Z",
  size: 1_000,
  seen: true,
  flagged: false,
  answered: false,
  has_attachments: false,
  folders: [],
  labels: [],
};

it("says that the text of a message is missing, and shows what is known of it", async () => {
  const lost = {
    ...ROW,
    cc: [],
    bcc: [],
    reply_to: [],
    attachments: [],
    has_html: false,
    text: null,
    remote_images: 0,
    truncated: false,
    body_missing: true,
    parse_problems: [],
  };
  server.use(
    http.get(api("/accounts/ana"), () => HttpResponse.json(account("ana"))),
    http.get(api("/accounts/ana/folders"), () => HttpResponse.json({ items: [] })),
    http.get(api("/accounts/ana/messages"), () => HttpResponse.json({ items: [ROW], next_cursor: null })),
    http.get(api("/messages/m1"), () => HttpResponse.json(lost)),
  );
  open("/accounts/ana/mail/m1");
  expect(await screen.findByText(/^The text of this message is missing here/)).toBeVisible();
  expect(screen.getByRole("heading", { name: "Lost letter" })).toBeVisible();
  expect(screen.queryByText("No text.")).not.toBeInTheDocument();
});
