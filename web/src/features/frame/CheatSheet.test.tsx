import { notifications } from "@mantine/notifications";
import { act, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { open } from "../../../test/world";

/** Which layer an element lies in, by the variable that the library sets for it. */
function layerOf(element: HTMLElement, name: string): number {
  for (let at: HTMLElement | null = element; at; at = at.parentElement) {
    const layer = at.style.getPropertyValue(name);
    if (layer !== "") return Number(layer);
  }
  throw new Error(`nothing sets ${name}`);
}

it("lies over a toast, which would hide some of the keys", async () => {
  const { user } = open("/accounts");
  await screen.findByRole("heading", { name: "Accounts" });
  act(() => {
    notifications.show({ message: "Message archived.", autoClose: false });
  });
  const toast = await screen.findByText("Message archived.");
  await user.keyboard("?");
  const keys = await screen.findByRole("dialog", { name: "Keyboard shortcuts" });
  expect(layerOf(keys, "--mb-z-index")).toBeGreaterThan(layerOf(toast, "--notifications-z-index"));
  act(() => notifications.clean());
});
