import { useEffect, useState } from "preact/hooks";
import { Button } from "../kit/button";
import { TextField } from "../kit/field";
import { useAction } from "../kit/load";
import { Failure } from "../kit/show";
import type { SignIn } from "../state/session";

/** Asks for a token. It goes to the server once; what the browser keeps is a session that scripts cannot read. */
export function SignInPage({ signIn }: { readonly signIn: SignIn }) {
  const [token, setToken] = useState("");
  const act = useAction(() => signIn(token.trim()));
  useEffect(() => {
    document.title = "Sign in · mailwright";
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    void act.run();
  };
  return (
    <main class="alone">
      <h1>mailwright</h1>
      <form class="card" onSubmit={submit}>
        <TextField
          label="API token"
          type="password"
          value={token}
          onInput={setToken}
          required
          autoFocus
          autoComplete="current-password"
          hint={
            <>
              Make one with <code>mailwright token create</code>. What you see and may do is what the token may.
            </>
          }
        />
        <Failure failure={act.failure} />
        <Button type="submit" kind="primary" busy={act.isRunning} disabled={!token.trim()}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
