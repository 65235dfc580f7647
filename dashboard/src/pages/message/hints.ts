// What to do about recipients that the message did not reach.

import type { RecipientState } from "../../client/types/activity";

const BY_CLASS: Readonly<Record<string, string>> = {
  no_such_mailbox: "The address does not exist. Ask its owner for another one; sending again harms your reputation.",
  no_such_domain: "The domain takes no mail. The address is most probably mistyped.",
  mailbox_full: "The mailbox is full. Send again in some days, or ask in another way.",
  mailbox_disabled: "The mailbox is disabled. Do not send again before you know that it is used.",
  policy: "A rule of the receiver refused it. Its reply may say which; its postmaster knows.",
  spam_content: "The content was taken for spam. Change it before you send again: links, wording, a text part beside the HTML.",
  blocklisted: "An address of ours, the domain or a link is on a block list. The reply often has a link to have it removed.",
  authentication_failed: "SPF, DKIM or DMARC did not pass. Look at what the domain publishes before you send again.",
  rate_limited: "Too much mail at once for this receiver. It is tried again more slowly.",
  greylisted: "The receiver refuses first tries on purpose. It is tried again by itself.",
  message_too_big: "The receiver takes no messages of this size. Send a link in place of the attachment.",
  relay_denied: "The server does not feel responsible for this domain: its MX records may lead to the wrong place.",
  tls: "TLS is required and failed. The reply says what is wrong with the certificate or its policy.",
  dns: "The name servers gave no answer that can be used.",
  connection: "The server was not reached, or takes no mail for now.",
  protocol: "The server did not understand us, or we it. The timeline has its words.",
  other: "The reply says more.",
};

const SUPPRESSED = "It was not sent. If the recipient is on the suppression list and wants mail again, remove it there.";
const COMES_AGAIN = "Its sender was asked to come again later. Each time that he does is a message of its own here.";
const TOLD = "It was refused, and its sender was told why.";

/** What to do about a recipient; nothing about those that it reached. */
export function hintFor(one: RecipientState): string | undefined {
  const { status, class: name, code, complained_at, bounced_late, recipient } = one;
  if (complained_at) return "The recipient said that it is spam. Do not send again.";
  if (status === "rejected" && recipient !== undefined) return SUPPRESSED;
  if (status === "rejected") return code.startsWith("4") ? COMES_AGAIN : TOLD;
  if (status === "failed") return "It was not sent: the sender's domain is not set up, or not verified.";
  if (bounced_late && !name) return "Its server took it and sent it back later.";
  return status === "sent" || status === "deliveryFailed" ? BY_CLASS[name] : undefined;
}

/** What holds mail back, in a few words. */
export const REASONS: Readonly<Record<string, string>> = {
  in_flight: "It is being delivered",
  suspension: "An operator suspended it",
  schedule: "Its sender asked for it to go later",
  retry: "It was put off and waits for its next attempt",
  dns: "Where it goes is not known yet",
  source: "None of its sources may be used",
  site: "The receiver cannot be reached",
  policy: "The receiver does not do what its TLS policy asks",
  storage: "Our own disk could not promise to remember an attempt",
  breaker: "The receiver counts as dead after failed connections in a row",
  rule: "A shaping rule slowed the receiver down or suspended it",
  rate: "The rate for this receiver is used up",
  concurrency: "Every connection that the receiver may have is busy",
  turn: "Other mail is before it",
};
