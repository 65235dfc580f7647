// Who has signed in.

import { createContext, type ComponentChildren } from "preact";
import { useCallback, useContext, useEffect, useState } from "preact/hooks";
import { ApiFailure, get, post, remove, whenSignedOut } from "../client/http";
import type { Session } from "../client/types/core";

interface SessionState {
  readonly session: Session;
  readonly signOut: () => Promise<void>;
}

const Context = createContext<SessionState | undefined>(undefined);

export function useSession(): SessionState {
  const state = useContext(Context);
  if (!state) throw new Error("used outside of a session");
  return state;
}

/** Whether the token of the session has a permission. Whoever operates the server may do everything. */
export function useMay(permission: string): boolean {
  const { session } = useSession();
  return session.operator || session.token.permissions.includes(permission) || session.token.permissions.includes("admin");
}

export type SignIn = (token: string) => Promise<void>;

interface Props {
  readonly children: ComponentChildren;
  readonly signIn: (signIn: SignIn) => ComponentChildren;
  readonly failed: (failure: Error, again: () => void) => ComponentChildren;
}

/** Shows its children to those who have signed in, and to others what `signIn` makes. */
export function SessionGate({ children, signIn, failed }: Props) {
  const [session, setSession] = useState<Session | null>();
  const [failure, setFailure] = useState<Error>();
  const ask = useCallback(async () => {
    setFailure(undefined);
    try {
      setSession((await get<Session>("/session")).result);
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 401) setSession(null);
      else setFailure(error as Error);
    }
  }, []);
  useEffect(() => {
    whenSignedOut(() => setSession(null));
    void ask();
  }, [ask]);

  if (failure) return <>{failed(failure, () => void ask())}</>;
  if (session === undefined) return null;
  if (session === null) {
    return <>{signIn(async (token) => setSession((await post<Session>("/session", { token })).result))}</>;
  }
  const signOut = async () => {
    await remove("/session");
    setSession(null);
  };
  return <Context.Provider value={{ session, signOut }}>{children}</Context.Provider>;
}
