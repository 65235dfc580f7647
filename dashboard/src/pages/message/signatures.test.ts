import { expect, it } from "vitest";
import { signatures, valueOf } from "./signatures";

it("reads who signed, and whether that is the author", () => {
  const headers = [
    { name: "DKIM-Signature", value: "v=1; a=ed25519-sha256;\r\n d=Mail.example.com; s=k1; b=ab\r\n cd==" },
    { name: "dkim-signature", value: "v=1; a=rsa-sha256; d=elsewhere.example; s=x; b=" },
    { name: "From", value: "a@example.com" },
  ];
  expect(signatures(headers, "a@example.com")).toEqual([
    { domain: "mail.example.com", selector: "k1", algorithm: "ed25519-sha256", isAligned: true },
    { domain: "elsewhere.example", selector: "x", algorithm: "rsa-sha256", isAligned: false },
  ]);
  expect(signatures([{ name: "DKIM-Signature", value: "nonsense" }], "")[0]?.isAligned).toBe(false);
  expect(valueOf(headers, "from")).toBe("a@example.com");
});
