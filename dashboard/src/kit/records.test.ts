import { expect, it } from "vitest";
import { zoneFile } from "./records";

it("writes records as a zone file has them, long texts in strings of one record", () => {
  const key = `v=DKIM1; p=${"A".repeat(300)}`;
  const lines = zoneFile([
    { type: "MX", name: "example.com", content: "mail.example.com", priority: 10, ttl: 300 },
    { type: "TXT", name: "k._domainkey.example.com", content: key, ttl: 300 },
    { type: "TXT", name: "example.com", content: 'a "quoted" \\ text', ttl: 60 },
  ]).split("\n");
  expect(lines[0]).toBe("example.com. 300 IN MX 10 mail.example.com.");
  expect(lines[1]).toBe(`k._domainkey.example.com. 300 IN TXT "${key.slice(0, 255)}" "${key.slice(255)}"`);
  expect(lines[2]).toBe('example.com. 60 IN TXT "a \\"quoted\\" \\\\ text"');
});
