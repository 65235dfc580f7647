// What a token may do, and with what.

import type { PermissionGroup, Token } from "../../client/types/accounts";
import type { Session, Zone } from "../../client/types/core";

const ACCOUNT = "com.cloudflare.api.account.";
const ZONE = "com.cloudflare.api.account.zone.";

/** Each permission: its name for people, and what it allows. */
export const PERMISSIONS: Readonly<Record<string, readonly [name: string, means: string]>> = {
  send: ["Send", "Send mail from the account's domains."],
  analytics_read: ["See activity", "Read the activity log, analytics and limits, with addresses and subjects."],
  suppression_read: ["See suppressions", "Read who must not be written to."],
  suppression_edit: ["Change suppressions", "Add to the list and take off it; reads it too."],
  routing_read: ["See routing", "Read rules, destination addresses and settings of incoming mail."],
  routing_edit: ["Change routing", "Change rules, destination addresses and settings; reads them too."],
  workers_read: ["See Workers", "Read Workers, what they keep, and their logs."],
  workers_edit: ["Change Workers", "Deploy Workers and change what they keep; reads them too."],
  admin: ["Everything in the account", "All of the above, tokens, webhooks, domains and the audit log."],
  operator: ["Operate the server", "Everything in every account, the queue and the server itself."],
};

/** The order in which people meet them. */
const ORDER = Object.keys(PERMISSIONS);

export function inOrder(groups: readonly PermissionGroup[]): readonly PermissionGroup[] {
  const place = ({ name }: PermissionGroup) => (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);
  return [...groups].sort((a, b) => place(a) - place(b));
}

export const nameOf = (permission: string): string => PERMISSIONS[permission]?.[0] ?? permission;

/** Whether a permission includes another. */
export function covers(one: string, other: string): boolean {
  if (one === other || one === "operator") return true;
  if (one === "admin") return other !== "operator";
  return one.endsWith("_edit") && other === one.replace(/_edit$/, "_read");
}

/** Whether somebody may give a permission away: nobody gives more than they have. */
export function mayGrant({ operator, token }: Session, permission: string): boolean {
  return operator || token.permissions.some((own) => covers(own, permission));
}

export interface Reach {
  readonly permissions: readonly string[];
  /** Ids of its zones; undefined for all of its account. */
  readonly zones: readonly string[] | undefined;
}

export function reachOf({ policies }: Token): Reach {
  const permissions = policies.flatMap(({ permission_groups }) => permission_groups.map(({ name }) => name));
  const resources = policies.flatMap(({ resources }) => Object.keys(resources));
  const zones = resources.filter((name) => name.startsWith(ZONE)).map((name) => name.slice(ZONE.length));
  return { permissions, zones: zones.length > 0 ? zones : undefined };
}

/** Whether a token is of an account. */
export function isOf(token: Token, account: string, zones: readonly Zone[]): boolean {
  const own = new Set(zones.map(({ id }) => id));
  return token.policies.some(({ resources }) =>
    Object.keys(resources).some((name) => name === ACCOUNT + account || (name.startsWith(ZONE) && own.has(name.slice(ZONE.length)))),
  );
}

/** The policy of a token to be made. */
export function policyOf(account: string, zones: readonly string[] | undefined, groups: readonly string[]) {
  const names = zones ? zones.map((id) => ZONE + id) : [ACCOUNT + account];
  return {
    effect: "allow",
    permission_groups: groups.map((id) => ({ id })),
    resources: Object.fromEntries(names.map((name) => [name, "*"])),
  };
}
