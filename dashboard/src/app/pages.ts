// Every page: where it is, who may see it, and the piece of program that shows it.

import type { ComponentType } from "preact";
import type { Session } from "../client/types/core";
import type { IconName } from "../kit/icon";

export interface PageProps {
  /** What follows in the path: `#/messages/abc` has `["abc"]`. */
  readonly rest: readonly string[];
}

export interface PageEntry {
  /** First part of its path; empty for the first page. */
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
  readonly group: "mail" | "setup" | "operate";
  /** Whether it is in the menu. */
  readonly isHidden?: boolean;
  readonly isFor?: (session: Session) => boolean;
  readonly load: () => Promise<{ readonly default: ComponentType<PageProps> }>;
}

export const GROUPS = { mail: "Mail", setup: "Set up", operate: "Operate" } as const;

const operators = (session: Session) => session.operator;

export const PAGES: readonly PageEntry[] = [
  { path: "", name: "Overview", icon: "overview", group: "mail", load: () => import("../pages/overview/overview") },
  { path: "activity", name: "Activity log", icon: "activity", group: "mail", load: () => import("../pages/activity/activity") },
  {
    path: "messages",
    name: "Message",
    icon: "mail",
    group: "mail",
    isHidden: true,
    load: () => import("../pages/message/message"),
  },
  {
    path: "inbox",
    name: "Sandbox inbox",
    icon: "inbox",
    group: "mail",
    isFor: ({ mode, operator }) => mode === "dev" && operator,
    load: () => import("../pages/inbox/inbox"),
  },
  { path: "suppressions", name: "Suppressions", icon: "suppressions", group: "mail", load: () => import("../pages/suppressions/suppressions") },
  { path: "domains", name: "Domains", icon: "domains", group: "setup", load: () => import("../pages/domains/domains") },
  { path: "routing", name: "Routing", icon: "routing", group: "setup", load: () => import("../pages/routing/routing") },
  { path: "workers", name: "Workers", icon: "workers", group: "setup", load: () => import("../pages/workers/workers") },
  { path: "webhooks", name: "Webhooks", icon: "webhooks", group: "setup", load: () => import("../pages/webhooks/webhooks") },
  { path: "tokens", name: "Tokens", icon: "tokens", group: "setup", load: () => import("../pages/tokens/tokens") },
  { path: "audit", name: "Audit log", icon: "audit", group: "setup", load: () => import("../pages/audit/audit") },
  { path: "queue", name: "Queue", icon: "queue", group: "operate", isFor: operators, load: () => import("../pages/queue/queue") },
  { path: "shaping", name: "Shaping", icon: "shaping", group: "operate", isFor: operators, load: () => import("../pages/shaping/shaping") },
  { path: "accounts", name: "Accounts", icon: "accounts", group: "operate", isFor: operators, load: () => import("../pages/accounts/accounts") },
];

/** The pages that somebody may see. */
export function pagesFor(session: Session): readonly PageEntry[] {
  return PAGES.filter(({ isFor }) => isFor?.(session) ?? true);
}
