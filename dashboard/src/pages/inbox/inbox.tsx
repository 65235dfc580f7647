import { useState } from "preact/hooks";
import type { PageProps } from "../../app/pages";
import { get, remove, url } from "../../client/http";
import type { ReceivedMessage } from "../../client/types/inbox";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { FilterField } from "../../kit/filter_field";
import { counted } from "../../kit/format";
import { useLive } from "../../kit/live";
import { useLoad } from "../../kit/load";
import { Page } from "../../kit/page";
import { NumberedPages } from "../../kit/pages";
import { Badge, Failure, Skeleton } from "../../kit/show";
import { href, navigate, setParams, useRoute } from "../../router";
import "./inbox.css";
import { MessageList, NothingYet } from "./list";
import { OpenMessage } from "./open_message";
import { inboxPath } from "./path";

const KINDS = ["message"] as const;

/** What the sandbox of `mailwright dev` received, as a mail client shows it. */
export default function InboxPage({ rest: [id] }: PageProps) {
  const { params } = useRoute();
  const [search, page] = [params.get("search") ?? "", Number(params.get("page") ?? 1)];
  const [isClearing, setClearing] = useState(false);
  const [arrived, setArrived] = useState(0);
  const found = useLoad(
    (signal) => get<ReceivedMessage[]>(inboxPath(), { query: { search, page, per_page: 50 }, signal }),
    [search, page, arrived],
  );
  const live = useLive(url(`${inboxPath()}/stream`), KINDS, () => setArrived((arrived) => arrived + 1));
  const messages = found.data?.result;
  const total = found.data?.info?.total_count ?? messages?.length ?? 0;
  const clear = async () => {
    await remove(inboxPath());
    navigate(href("/inbox"));
    found.reload();
  };
  const gone = () => {
    navigate(href("/inbox", { search }));
    found.reload();
  };
  return (
    <Page
      title="Sandbox inbox"
      lead="All mail of this server ends here: nothing leaves the machine."
      actions={
        <>
          <Badge tone={live === "open" ? "good" : "muted"}>{live === "open" ? "Live" : "Connecting"}</Badge>
          <Button kind="danger" icon="trash" disabled={total === 0} onClick={() => setClearing(true)}>
            Delete all …
          </Button>
        </>
      }
    >
      <Failure failure={found.failure} again={found.reload} />
      <div class={`inbox${id ? " reading" : ""}`}>
        <section class="inbox-list" aria-label="Messages">
          <FilterField
            label="Sender, recipient or subject"
            value={search}
            onSettle={(search) => setParams({ search, page: undefined })}
          />
          <p class="visually-hidden" role="status">
            {messages && counted(total, "message")}
          </p>
          {!messages && !found.failure && <Skeleton lines={10} />}
          {messages?.length === 0 && <NothingYet isSearch={search !== ""} />}
          {messages && messages.length > 0 && <MessageList messages={messages} open={id} />}
          <NumberedPages info={found.data?.info} />
        </section>
        <section class="inbox-open" aria-label="Message">
          {id ? <OpenMessage key={id} id={id} onGone={gone} /> : messages && messages.length > 0 && <p class="soft choose-one">Choose a message.</p>}
        </section>
      </div>
      {isClearing && (
        <Confirm title="Delete all messages" action="Delete them" dangerous onConfirm={clear} onClose={() => setClearing(false)}>
          <p>{counted(total, "message")} the sandbox has received {total === 1 ? "is" : "are"} deleted, with the files. This cannot be undone.</p>
        </Confirm>
      )}
    </Page>
  );
}
