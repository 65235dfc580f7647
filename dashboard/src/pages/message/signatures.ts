// What a header section says of who signed the message (RFC 6376).

import type { Header } from "../../client/types/content";

export interface Signature {
  /** Whose name it is signed in. */
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: string;
  /** Whether that is the author's domain, or above or below it (DMARC, relaxed; without a list of public suffixes). */
  readonly isAligned: boolean;
}

export function signatures(headers: readonly Header[], author: string): readonly Signature[] {
  const from = author.slice(author.lastIndexOf("@") + 1).toLowerCase();
  return headers
    .filter(({ name }) => name.toLowerCase() === "dkim-signature")
    .map(({ value }) => tags(value))
    .map((tag) => {
      const domain = (tag.get("d") ?? "").toLowerCase();
      const isAligned = domain !== "" && (from === domain || from.endsWith(`.${domain}`) || domain.endsWith(`.${from}`));
      return { domain, selector: tag.get("s") ?? "", algorithm: tag.get("a") ?? "", isAligned };
    });
}

function tags(value: string): ReadonlyMap<string, string> {
  return new Map(
    value.split(";").map((tag) => {
      const at = tag.indexOf("=");
      return [tag.slice(0, at).trim(), tag.slice(at + 1).replaceAll(/\s/g, "")] as const;
    }),
  );
}

/** The first value of a field. */
export function valueOf(headers: readonly Header[], name: string): string | undefined {
  return headers.find((header) => header.name.toLowerCase() === name.toLowerCase())?.value;
}
