import type { ReceivedMessage } from "../../client/types/inbox";
import { Empty, Time } from "../../kit/show";
import { href, useRoute } from "../../router";
import { authorOf } from "./path";

interface Props {
  readonly messages: readonly ReceivedMessage[];
  /** Id of the one that is open. */
  readonly open: string | undefined;
}

/** The messages, the newest first. Arrows go from one to the next. */
export function MessageList({ messages, open }: Props) {
  const { params } = useRoute();
  const kept = { search: params.get("search") ?? undefined, page: params.get("page") ?? undefined, part: params.get("part") ?? undefined };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !(event.currentTarget instanceof HTMLElement)) return;
    const links = [...event.currentTarget.querySelectorAll("a")];
    const next = links[links.findIndex((link) => link === document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  return (
    <ul class="messages" onKeyDown={move}>
      {messages.map(({ id, from, mail_from, recipients, subject, received_at }) => (
        <li key={id}>
          <a href={href(`/inbox/${id}`, kept)} aria-current={id === open ? "true" : undefined}>
            <span class="message-from">{authorOf(from ?? "") || mail_from || "no sender"}</span>
            <span class="message-time">
              <Time at={received_at} />
            </span>
            <span class="message-subject">{subject || "no subject"}</span>
            <span class="message-to">to {recipients.join(", ")}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

export function NothingYet({ isSearch }: { readonly isSearch: boolean }) {
  if (isSearch) return <Empty title="Nothing matches" />;
  return (
    <Empty title="No mail yet">
      <p>Send a message by the API or by SMTP, to any address. It appears here at once.</p>
    </Empty>
  );
}
