// What is generated or stands in two places, and must not drift apart.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, it } from "vitest";

const read = (path: string) => readFileSync(resolve(import.meta.dirname, "..", path), "utf8");

it("the API's types are made from the server's document (npm run generate)", async () => {
  const types = await openapiTS(read("../openapi.json"), { silent: true });
  expect(read("src/api/schema.ts")).toBe(COMMENT_HEADER + astToString(types));
});

it("the page has the version of the program", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  expect(read("../Cargo.toml")).toContain(`\nversion = "${version}"\n`);
});
