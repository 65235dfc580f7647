// Words for where domains stand.

import type { RoutingSettings } from "../../client/types/routing";
import type { SendingDomain, SendingZone } from "../../client/types/sending";
import type { Tone } from "../../kit/show";

type State = readonly [Tone, string];

/** Of what a zone sends. */
export function sendingState(zone: SendingZone | undefined): State {
  if (!zone) return ["muted", "Not set up"];
  if (zone.status === "unconfigured") return ["info", "Subdomains only"];
  if (!zone.enabled) return ["muted", "Disabled"];
  return zone.status === "ready" ? ["good", "Ready"] : ["bad", "Records to publish"];
}

/** Of one domain that sends. */
export function domainState({ enabled, verified }: Pick<SendingDomain, "enabled" | "verified">): State {
  if (!enabled) return ["muted", "Disabled"];
  return verified ? ["good", "Ready"] : ["bad", "Records to publish"];
}

/** Of what a zone takes. */
export function routingState(routing: RoutingSettings | undefined): State {
  if (!routing?.enabled) return ["muted", "Off"];
  switch (routing.status) {
    case "ready":
      return ["good", "Ready"];
    case "unlocked":
      return ["warn", "Unlocked"];
    case "unconfigured":
      return ["bad", "Records to publish"];
    default:
      return ["bad", "Records to mend"];
  }
}
