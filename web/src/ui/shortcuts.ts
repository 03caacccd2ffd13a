/**
 * Keyboard shortcuts: components say which keys they offer while they are on screen, one listener serves them,
 * and the cheat sheet lists exactly those. A key typed into a field or a dialog is never a shortcut.
 */
import { useEffect, useRef, useSyncExternalStore } from "react";

export interface Shortcut {
  /** One key ("j", "Enter", "?"), or two after another ("g a"). */
  keys: string;
  label: string;
  group: "Everywhere" | "Lists" | "Messages" | "This page";
  run: (event: KeyboardEvent) => void;
}

const SEQUENCE_MS = 1_200;
let active: Shortcut[] = [];
const watchers = new Set<() => void>();
let pending = "";
let pendingUntil = 0;

function changed(next: Shortcut[]): void {
  active = next;
  for (const notify of watchers) notify();
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  // What was just ticked or chosen takes no letters.
  const field =
    "input:not([type=checkbox], [type=radio]), textarea, select, [role=combobox], [role=menuitem]";
  return target.isContentEditable || target.matches(field);
}

function inDialog(target: EventTarget | null): boolean {
  if (target instanceof Element && target.closest("[role=dialog], [role=menu]")) return true;
  return document.querySelector('[role=dialog][aria-modal="true"]') !== null;
}

function find(keys: string): Shortcut | undefined {
  return active.findLast((each) => each.keys === keys);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
  if (typing(event.target) || inDialog(event.target)) return;
  // Enter and Space belong to the link or button that has the focus.
  if (event.key === "Enter" && event.target instanceof Element && event.target.closest("a, button")) return;
  const sequence = pending && event.timeStamp < pendingUntil ? `${pending} ${event.key}` : "";
  const found = (sequence && find(sequence)) || find(event.key);
  pending = "";
  if (found) {
    event.preventDefault();
    found.run(event);
  } else if (active.some((each) => each.keys.startsWith(`${event.key} `))) {
    pending = event.key;
    pendingUntil = event.timeStamp + SEQUENCE_MS;
  }
}

function watch(notify: () => void): () => void {
  watchers.add(notify);
  return () => watchers.delete(notify);
}

/** Offers shortcuts while the component is on screen. The newest offer of a key wins. */
export function useShortcuts(shortcuts: Shortcut[]): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const shape = shortcuts.map((each) => `${each.keys}\t${each.label}\t${each.group}`).join("\n");
  useEffect(() => {
    const mine = shape
      .split("\n")
      .filter(Boolean)
      .map((line): Shortcut => {
        const [keys = "", label = "", group = ""] = line.split("\t");
        return {
          keys,
          label,
          group: group as Shortcut["group"],
          run: (event) => latest.current.find((each) => each.keys === keys)?.run(event),
        };
      });
    if (active.length === 0) window.addEventListener("keydown", onKeyDown);
    changed([...active, ...mine]);
    return () => {
      changed(active.filter((each) => !mine.includes(each)));
      if (active.length === 0) window.removeEventListener("keydown", onKeyDown);
    };
  }, [shape]);
}

/** What can be pressed now. */
export function useActiveShortcuts(): Shortcut[] {
  return useSyncExternalStore(watch, () => active);
}
