// Puts the interactive API documentation beside the page: files of its own that only /api/docs loads.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parse } from "node:path";

const own = new URL("../api-docs/", import.meta.url);
const viewer = new URL("../node_modules/swagger-ui-dist/", import.meta.url);
const dist = new URL("../dist/", import.meta.url);

/** Written under a name with its hash, as such files are cached for ever. */
function place(folder, file) {
  // There is no map to point at.
  const bytes = readFileSync(new URL(file, folder), "utf8").replace(
    /\n\/[/*]# sourceMappingURL=.*\s*$/,
    "\n",
  );
  const { name, ext } = parse(file);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
  const path = `assets/${name}-${hash}${ext}`;
  writeFileSync(new URL(path, dist), bytes);
  return `/${path}`;
}

let page = readFileSync(new URL("index.html", own), "utf8");
for (const [folder, file] of [
  [viewer, "swagger-ui.css"],
  [viewer, "swagger-ui-bundle.js"],
  [own, "readable.css"],
  [own, "start.js"],
]) {
  page = page.replace(`%${file}%`, place(folder, file));
}
mkdirSync(new URL("api-docs/", dist), { recursive: true });
writeFileSync(new URL("api-docs/index.html", dist), page);

const { version } = JSON.parse(readFileSync(new URL("package.json", viewer), "utf8"));
const texts = ["NOTICE", "LICENSE", "swagger-ui-bundle.js.LICENSE.txt"].map((f) =>
  readFileSync(new URL(f, viewer), "utf8"),
);
writeFileSync(
  new URL("api-docs/licenses.txt", dist),
  [`swagger-ui-dist ${version}, unchanged`, ...texts].join("\n\n"),
);
