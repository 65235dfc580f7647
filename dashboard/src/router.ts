// Where we are: a path and parameters behind the hash, as `#/activity?status=sent`.

import { useEffect, useState } from "preact/hooks";

export interface Route {
  /** The parts of the path: `#/messages/abc` is `["messages", "abc"]`. */
  readonly parts: readonly string[];
  readonly params: URLSearchParams;
}

/** Values of parameters; what is undefined or empty is left out of the address. */
export type Params = Readonly<Record<string, string | undefined>>;

/** Parameters that go along from page to page: whose mail, and of which time. */
export const KEPT = ["account", "zone", "window", "since", "until"] as const;

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { parts: path.split("/").filter(Boolean).map(decoded), params: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page, with what goes along from the page we are at. */
export function href(path: string, params: Params = {}): string {
  const here = parse(location.hash).params;
  const all = new URLSearchParams();
  for (const name of KEPT) {
    const value = here.get(name);
    if (value) all.set(name, value);
  }
  return address(path, all, params);
}

function address(path: string, all: URLSearchParams, params: Params): string {
  for (const [name, value] of Object.entries(params)) {
    if (value) all.set(name, value);
    else all.delete(name);
  }
  const query = all.toString();
  return `#${path}${query && `?${query}`}`;
}

/** Goes to a page. `replace` leaves no step behind for the way back: for filters as they are typed. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Changes parameters of the page we are at. */
export function setParams(params: Params, { replace = true } = {}): void {
  const { parts, params: here } = parse(location.hash);
  const path = `/${parts.map(encodeURIComponent).join("/")}`;
  navigate(address(path, new URLSearchParams(here), params), { replace });
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parse(location.hash));
    addEventListener("hashchange", changed);
    addEventListener("popstate", changed);
    return () => {
      removeEventListener("hashchange", changed);
      removeEventListener("popstate", changed);
    };
  }, []);
  return route;
}
