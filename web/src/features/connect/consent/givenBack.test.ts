import { expect, it } from "vitest";
import { givenBackWords } from "./givenBack";

it("says of each end of access whether it was given back, and what to do where it was not", () => {
  expect(givenBackWords("taken", "Google")).toBe("The access was given back.");
  expect(givenBackWords("in_use", "Google")).toMatch(/was not given back: a connected account/);
  expect(givenBackWords("refused", "Google")).toMatch(
    /^Google did not take the access back\. Remove it there/,
  );
  expect(givenBackWords("no_place", "Microsoft")).toMatch(/^Microsoft takes no access back.*Remove it there/);
  expect(givenBackWords(null, "Google")).toBeUndefined();
});
