import { useEffect, useRef, useState } from "preact/hooks";
import { Empty } from "../kit/show";
import { Button } from "../kit/button";
import { WindowPicker } from "../kit/window_picker";
import { useRoute } from "../router";
import { useSession } from "../state/session";
import { pagesFor } from "./pages";
import { Menu } from "./menu";
import { PageHost } from "./page_host";
import { ScopePicker } from "./scope_picker";
import { ThemeButton } from "./theme";

/** Menu, bar and page. */
export function Shell() {
  const { session, signOut } = useSession();
  const route = useRoute();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const path = route.parts[0] ?? "";
  const page = pagesFor(session).find((page) => page.path === path);
  const place = route.parts.join("/");

  useEffect(() => {
    setMenuOpen(false);
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);

  return (
    <div class="shell">
      <a class="skip" href={location.hash || "#/"} onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to the page
      </a>
      <header class="bar">
        <Button kind="quiet" icon="menu" label="Menu" pressed={isMenuOpen} onClick={() => setMenuOpen(!isMenuOpen)}>
          {""}
        </Button>
        <ScopePicker />
        <WindowPicker />
        <span class="spacer" />
        <ThemeButton />
        <span class="who" title={session.token.id}>
          {session.token.name}
        </span>
        <Button kind="quiet" icon="out" label="Sign out" onClick={() => void signOut()}>
          <span class="wide-only">Sign out</span>
        </Button>
      </header>
      <Menu session={session} at={path} isOpen={isMenuOpen} />
      <main ref={main} tabIndex={-1} id="main">
        {page ? (
          <PageHost key={path} page={page} rest={route.parts.slice(1)} />
        ) : (
          <Empty title="There is no such page">
            <p>
              The address may be mistyped, or the page is not for your token. <a href="#/">Go to the overview</a>
            </p>
          </Empty>
        )}
      </main>
    </div>
  );
}
