import { Button } from "../kit/button";
import { Failure } from "../kit/show";
import { ScopeProvider } from "../state/scope";
import { SessionGate } from "../state/session";
import { Shell } from "./shell";
import { SignInPage } from "./sign_in";

const failed = (failure: Error, again: () => void) => (
  <main class="alone">
    <Failure failure={failure} />
    <Button onClick={again}>Try again</Button>
  </main>
);

export function App() {
  return (
    <SessionGate signIn={(signIn) => <SignInPage signIn={signIn} />} failed={failed}>
      <ScopeProvider failed={failed}>
        <Shell />
      </ScopeProvider>
    </SessionGate>
  );
}
