// Which lines of the log are wanted: what can be asked for, and how it stands in the address.

import { classText } from "../../client/activity";
import type { Direction } from "../../client/types/activity";
import { statusName } from "../../kit/show";

/** What can be asked for, in the API's words, with a name for people. */
export const FIELDS: Readonly<Record<Direction, Readonly<Record<string, string>>>> = {
  sending: {
    status: "Status",
    recipient: "Recipient",
    domain: "Recipient's domain",
    sending_domain: "Sending domain",
    message_id: "Message-ID",
    class: "Class",
    campaign: "Campaign",
    reply: "Reply has",
    complained: "Complained",
  },
  routing: {
    status: "Status",
    to: "To",
    destination: "Destination",
    domain: "Destination's domain",
    from: "From",
    envelope_from: "Envelope sender",
    sending_domain: "Author's domain",
    message_id: "Message-ID",
    spf: "SPF",
    dkim: "DKIM",
    dmarc: "DMARC",
    arc: "ARC",
    class: "Class",
    reply: "Reply has",
  },
};

/** Every name that a filter may have in the address. */
export const FILTERS = [...new Set(Object.values(FIELDS).flatMap((fields) => Object.keys(fields)))];

/** Results of SPF, DKIM, DMARC and ARC (RFC 8601). */
export const RESULTS = ["pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"] as const;

export type Filter = Readonly<Record<string, string>>;

export function directionOf(params: URLSearchParams): Direction {
  return params.get("mail") === "routing" ? "routing" : "sending";
}

/** The filters of an address that make sense for mail that goes this way. */
export function filterOf(params: URLSearchParams, direction: Direction): Filter {
  const wanted = Object.keys(FIELDS[direction]).map((name) => [name, params.get(name) ?? ""] as const);
  return Object.fromEntries(wanted.filter(([, value]) => value));
}

/** The value of a filter for people. */
export function shown(name: string, value: string): string {
  if (name === "status") return statusName(value);
  if (name === "complained") return value === "true" ? "yes" : value;
  return name === "class" ? classText(value) : value;
}

const QUEUE_ID = /^[0-9a-f]{13,14}$/i;
const DOMAIN = /^@?([\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)+)\.?$/u;

export type Search = { readonly name: string; readonly value: string } | { readonly id: string };

/** What a text that somebody looks for most probably is: an id, a Message-ID, an address, a domain, or part of a reply. */
export function interpret(text: string, direction: Direction): Search | undefined {
  const value = text.trim();
  if (!value) return undefined;
  if (QUEUE_ID.test(value)) return { id: value.toLowerCase() };
  if (/^<.+>$/.test(value) || /^[0-9a-f]{13,14}\.[0-9a-f]+@/i.test(value)) return { name: "message_id", value };
  if (/^[^\s@]+@[^\s@]+$/.test(value)) return { name: direction === "sending" ? "recipient" : "to", value };
  const domain = DOMAIN.exec(value)?.[1];
  // Codes look like domains and are none: 5.7.1.
  if (domain && !/^[\d.]+$/.test(domain)) return { name: "domain", value: domain };
  return { name: "reply", value };
}
