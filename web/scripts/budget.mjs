// Fails the build when the scripts that the accounts page (the first page) needs grow over the budget.
import { readFileSync, statSync } from "node:fs";

const BUDGET_KB = 250;
const ENTRY = "index.html";
const FIRST_PAGE = /^src\/routes\/_app(\/accounts\.index)?\.tsx/;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

const files = new Set();
function add(key) {
  const chunk = manifest[key];
  if (!chunk || files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const next of chunk.imports ?? []) add(next);
}
add(ENTRY);
const lazy = Object.keys(manifest).filter((key) => FIRST_PAGE.test(key));
if (lazy.length === 0) throw new Error("the manifest names no chunk of the accounts page");
for (const key of lazy) add(key);

const sizes = [...files]
  .filter((file) => file.endsWith(".js"))
  .map((file) => statSync(new URL(`${file}.gz`, dist)).size);
const kb = sizes.reduce((sum, size) => sum + size, 0) / 1000;
console.log(`first page: ${kb.toFixed(1)} kB of ${BUDGET_KB} kB compressed script in ${sizes.length} files`);
if (kb > BUDGET_KB) process.exit(1);
