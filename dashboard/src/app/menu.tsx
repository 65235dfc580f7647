import type { Session } from "../client/types/core";
import { Icon } from "../kit/icon";
import { href } from "../router";
import { GROUPS, pagesFor } from "./pages";

interface Props {
  readonly session: Session;
  /** The page that is shown. */
  readonly at: string;
  /** On a narrow screen it is hidden otherwise. */
  readonly isOpen: boolean;
}

export function Menu({ session, at, isOpen }: Props) {
  const pages = pagesFor(session).filter((page) => !page.isHidden);
  const current = at === "messages" ? "activity" : at;
  return (
    <nav class={`menu${isOpen ? " open" : ""}`} aria-label="Pages">
      <a class="brand" href={href("/")}>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M6 22V11l10 7 10-7v11" />
        </svg>
        mailwright
      </a>
      {Object.entries(GROUPS).map(([group, name]) => {
        const own = pages.filter((page) => page.group === group);
        return (
          own.length > 0 && (
            <section key={group}>
              <h2>{name}</h2>
              <ul>
                {own.map((page) => (
                  <li key={page.path}>
                    <a href={href(`/${page.path}`)} aria-current={page.path === current ? "page" : undefined}>
                      <Icon name={page.icon} />
                      {page.name}
                    </a>
                  </li>
                ))}
              </ul>
            </section>
          )
        );
      })}
      <section>
        <ul>
          <li>
            <a href="/docs">
              <Icon name="docs" />
              Documentation
            </a>
          </li>
        </ul>
      </section>
    </nav>
  );
}
