import { expect, it } from "vitest";
import { rawMessage } from "./test_mail";

it("makes a message in which no field begins another, with the line ends of mail", () => {
  const message = rawMessage({ from: "a@example.org", to: "b@example.com\r\nBcc: all@example.net", subject: "one\ntwo", text: "a\nb\r\nc" });
  const [head = "", body] = message.split("\r\n\r\n");
  expect(head.split("\r\n").map((line) => line.split(":")[0])).toEqual([
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
  ]);
  expect(head).toContain("\r\nSubject: one two\r\n");
  expect(body).toBe("a\r\nb\r\nc");
});
