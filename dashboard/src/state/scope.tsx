// Whose mail is looked at: an account, or one zone of it. It stands in the address, so that a link says it.

import { createContext, type ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import { all } from "../client/http";
import type { Account, Zone } from "../client/types/core";
import { useLoad } from "../kit/load";
import { setParams, useRoute } from "../router";

interface Scope {
  readonly accounts: readonly Account[];
  /** Zones of the account. */
  readonly zones: readonly Zone[];
  /** The account; undefined while there is none. */
  readonly account: Account | undefined;
  /** The zone that is chosen; undefined for all of the account. */
  readonly zone: Zone | undefined;
  readonly reload: () => void;
}

const Context = createContext<Scope | undefined>(undefined);

export function useScope(): Scope {
  const scope = useContext(Context);
  if (!scope) throw new Error("used outside of a scope");
  return scope;
}

/** The account, for pages that are only shown where there is one. */
export function useAccount(): Account {
  const { account } = useScope();
  if (!account) throw new Error("there is no account");
  return account;
}

export function chooseAccount(id: string): void {
  setParams({ account: id, zone: undefined }, { replace: false });
}

export function chooseZone(id: string | undefined): void {
  setParams({ zone: id }, { replace: false });
}

interface Props {
  readonly children: ComponentChildren;
  readonly failed: (failure: Error, again: () => void) => ComponentChildren;
}

export function ScopeProvider({ children, failed }: Props) {
  const { params } = useRoute();
  const found = useLoad(async (signal) => {
    const [accounts, zones] = await Promise.all([
      all<Account>("/accounts", { signal }),
      all<Zone>("/zones", { signal }),
    ]);
    return { accounts, zones };
  }, []);
  if (found.failure && !found.data) return <>{failed(found.failure, found.reload)}</>;
  if (!found.data) return null;
  const { accounts, zones } = found.data;
  const zone = zones.find(({ id }) => id === params.get("zone"));
  const wanted = zone?.account.id ?? params.get("account");
  const account = accounts.find(({ id }) => id === wanted) ?? accounts[0];
  const own = zones.filter((zone) => zone.account.id === account?.id);
  return (
    <Context.Provider value={{ accounts, zones: own, account, zone, reload: found.reload }}>{children}</Context.Provider>
  );
}
