import { expect, it } from "vitest";
import { ApiFailure, url } from "./http";

it("tells a failure in a sentence, without codes where there is one", () => {
  const chain = [{ message: "E_X: The sentence." }];
  expect(new ApiFailure(400, [{ code: 1, message: "a.b", detail: "The sentence.", error_chain: chain }]).message).toBe("The sentence.");
  expect(new ApiFailure(400, [{ code: 1, message: "a.b", error_chain: chain }]).message).toBe("E_X: The sentence.");
  expect(new ApiFailure(502, []).message).toBe("The server answered 502.");
});

it("leaves out of an address what is not asked for", () => {
  expect(url("/zones", { page: 1, name: "", type: undefined })).toBe("/client/v4/zones?page=1");
  expect(url("/session")).toBe("/session");
});
