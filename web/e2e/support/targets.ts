import type { Page } from "@playwright/test";

/** What fingers hit: https://www.w3.org/TR/WCAG22/#target-size-enhanced, in CSS pixels. */
const TOUCH = 44;
/** Edges lie between pixels. */
const ROUNDING = 1;

const INTERACTIVE = [
  "a[href]",
  "button",
  "input:not([type=hidden])",
  "select",
  "textarea",
  "summary",
  "[role=button]",
  "[role=menuitem]",
  "[role=option]",
  "[role=tab]",
].join(",");

/**
 * Everything that a finger is meant to hit and easily misses. Measured is what answers, not what is drawn: a label
 * belongs to its box, and room may lie around a small sign. A link within running text is as high as its line.
 */
export function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate(
    ({ touch, rounding, interactive }) => {
      const overlays = [...document.querySelectorAll("[role=dialog], [role=menu], [role=listbox]")];
      /** Whatever stands over the rest of the page: the rest cannot be hit now. */
      const top = overlays.filter((each) => each.checkVisibility({ visibilityProperty: true })).at(-1);

      const inText = (element: Element) => {
        if (element.tagName !== "A" || getComputedStyle(element).display !== "inline") return false;
        let parent = element.parentElement;
        while (parent && getComputedStyle(parent).display === "inline") parent = parent.parentElement;
        return (parent?.textContent ?? "").trim() !== element.textContent?.trim();
      };
      const labels = (element: Element) =>
        "labels" in element ? [...((element as HTMLInputElement).labels ?? [])] : [];
      const boxOf = (element: Element) => {
        const boxes = [element, ...labels(element)].map((each) => each.getBoundingClientRect());
        const shown = boxes.filter(({ width, height }) => width > 1 && height > 1);
        const left = Math.min(...shown.map((box) => box.left));
        const right = Math.max(...shown.map((box) => box.right));
        const upper = Math.min(...shown.map((box) => box.top));
        const lower = Math.max(...shown.map((box) => box.bottom));
        return { left, right, top: upper, bottom: lower, width: right - left, height: lower - upper };
      };
      const visible = (element: Element) =>
        element.checkVisibility({ visibilityProperty: true, opacityProperty: false }) &&
        boxOf(element).width > 1 &&
        boxOf(element).height > 1;
      /** Whether a finger at this place hits it. */
      const answers = (element: Element, x: number, y: number) => {
        const hit = document.elementFromPoint(x, y);
        if (!hit) return false;
        return element.contains(hit) || labels(element).some((label) => label.contains(hit));
      };
      /** How far it answers from a place, in one direction and in the other one. */
      const reach = (element: Element, [x, y]: [number, number], [dx, dy]: [number, number]) => {
        let length = 1;
        for (const sign of [1, -1]) {
          for (let step = 1; step <= touch; step++) {
            if (!answers(element, x + sign * dx * step, y + sign * dy * step)) break;
            length++;
          }
        }
        return length;
      };

      const topbar = 64;
      const scrolled = new Map<Element, number>();
      for (const each of document.querySelectorAll("*")) {
        if (each.scrollTop > 0 || each.scrollHeight > each.clientHeight) scrolled.set(each, each.scrollTop);
      }
      /** A list that scrolls by itself shows only a part of it now. */
      const cut = (element: Element) => {
        const { top: upper, bottom: lower } = boxOf(element);
        for (let parent = element.parentElement; parent; parent = parent.parentElement) {
          if (!scrolled.has(parent) || getComputedStyle(parent).overflowY === "visible") continue;
          const shown = parent.getBoundingClientRect();
          if (upper < shown.top || lower > shown.bottom) return true;
        }
        return false;
      };
      const small: string[] = [];
      for (const element of document.querySelectorAll(interactive)) {
        if (!visible(element) || inText(element) || (top && !top.contains(element))) continue;
        // Outside of the screen until it has the focus.
        if (boxOf(element).bottom <= 0 && getComputedStyle(element).position === "absolute") continue;
        if (element.closest("[inert], [aria-hidden=true]")) continue;
        const drawn = boxOf(element);
        // Something may lie over it now, as the bar of a selection over a row.
        const over = !answers(element, (drawn.left + drawn.right) / 2, (drawn.top + drawn.bottom) / 2);
        if (drawn.top < topbar || drawn.bottom > innerHeight || over || cut(element)) {
          element.scrollIntoView({ block: "center", behavior: "instant" });
        }
        const box = boxOf(element);
        const own = element.getBoundingClientRect();
        const middle: [number, number] =
          own.width > 1 && labels(element).length === 0
            ? [(own.left + own.right) / 2, (own.top + own.bottom) / 2]
            : [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
        // Fields: their label is no part of what a finger aims at.
        const typed = element.matches("textarea, select, input:not([type=checkbox], [type=radio])");
        const at: [number, number] = typed
          ? [(own.left + own.right) / 2, (own.top + own.bottom) / 2]
          : middle;
        const width = Math.max(reach(element, at, [1, 0]), typed ? own.width : 0);
        const height = reach(element, at, [0, 1]);
        if (width >= touch - rounding && height >= touch - rounding) continue;
        const name = (element.getAttribute("aria-label") ?? element.textContent ?? "").trim().slice(0, 40);
        const id = element.id ? `#${element.id}` : "";
        small.push(`${element.tagName.toLowerCase()}${id} "${name}": ${Math.round(width)} by ${height}`);
      }
      for (const [each, top] of scrolled) each.scrollTop = top;
      return [...new Set(small)];
    },
    { touch: TOUCH, rounding: ROUNDING, interactive: INTERACTIVE },
  );
}
