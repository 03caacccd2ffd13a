import { screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { describe, expect, it } from "vitest";
import { api, open, problem, server } from "../../../test/world";

interface Request {
  exclude: string[];
  dry_run: boolean;
}

function serve(): Request[] {
  const asked: Request[] = [];
  const answer = (exclude: string[]) => ({
    exclude,
    messages: exclude.length * 120,
    of: 3_400,
    senders: exclude.length > 0 ? [{ address: "noreply@shop.test", messages: 120 }] : [],
  });
  let kept: string[] = [];
  server.use(
    http.get(api("/accounts/ana/rules"), () => HttpResponse.json(answer(kept))),
    http.patch(api("/accounts/ana/rules"), async ({ request }) => {
      const body = (await request.json()) as Request;
      asked.push(body);
      if (body.exclude.includes("*@*")) {
        const fields = [
          { field: "exclude.0", code: "malformed", message: "This pattern fits every address." },
        ];
        return problem(422, "validation_failed", "This pattern fits every address.", { fields });
      }
      if (!body.dry_run) kept = body.exclude;
      return HttpResponse.json(answer(body.exclude));
    }),
  );
  return asked;
}

describe("sync rules", () => {
  it("are tried while they are typed, and kept when somebody saves them", async () => {
    const asked = serve();
    const { user } = open("/accounts/ana/settings");
    const field = await screen.findByLabelText("Exclude patterns", { selector: "input" });
    await user.type(field, "noreply@*{Enter}");
    expect(
      await screen.findByText("These patterns would concern 120 of 3,400 messages that are here."),
    ).toBeVisible();
    expect(screen.getByText("noreply@shop.test")).toBeVisible();
    expect(asked.every((request) => request.dry_run)).toBe(true);
    await user.click(screen.getByRole("button", { name: "Save rules" }));
    expect(
      await screen.findByText("These patterns concern 120 of 3,400 messages that are here."),
    ).toBeVisible();
    expect(asked.at(-1)).toEqual({ exclude: ["noreply@*"], dry_run: false });
    await waitFor(() => expect(screen.getByRole("button", { name: "Save rules" })).toBeDisabled());
  });

  it("say which pattern is wrong, and go back", async () => {
    serve();
    const { user } = open("/accounts/ana/settings");
    await user.type(await screen.findByLabelText("Exclude patterns", { selector: "input" }), "*@*{Enter}");
    expect(await screen.findByText("“*@*”: This pattern fits every address.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Discard" }));
    await waitFor(() => expect(screen.queryByText(/fits every address/)).toBeNull());
  });
});
