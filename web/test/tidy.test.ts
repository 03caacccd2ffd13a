// The rules of the folder that no linter knows.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, it } from "vitest";

const src = resolve(import.meta.dirname, "../src");
const GENERATED = ["api/schema.ts", "routeTree.gen.ts"];
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(tsx?|css)$/.test(path) && !GENERATED.includes(path))
  .map((path) => ({ path, text: readFileSync(join(src, path), "utf8") }));

// A layer may use itself and those after it.
const LAYERS = ["", "routes", "features", "ui", "api", "lib"];

function layerOf(path: string): number {
  const folder = path.includes("/") ? path.split("/")[0] : "";
  return LAYERS.indexOf(folder ?? "");
}

it("imports never point upward", () => {
  const wrong = files.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)]
      .map((match) => relative(src, resolve(src, dirname(path), match[1] ?? "")))
      .filter((target) => !target.startsWith("..") && layerOf(target) < layerOf(path))
      .map((target) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

it("colours are named only in the theme", () => {
  const colour = /#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(/i;
  const wrong = files
    .filter(({ path }) => path !== "ui/theme.ts")
    .flatMap(({ path, text }) =>
      text
        .split("\n")
        .filter((line) => colour.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
  expect(wrong).toEqual([]);
});

it("components name no pixels", () => {
  const wrong = files
    .filter(({ path, text }) => path.endsWith(".tsx") && /\b\d+px\b/.test(text))
    .map(({ path }) => path);
  expect(wrong).toEqual([]);
});

it("files stay short enough to read", () => {
  const long = files
    .filter(({ path, text }) => !path.includes(".test.") && text.split("\n").length > 600)
    .map(({ path }) => path);
  expect(long).toEqual([]);
});
