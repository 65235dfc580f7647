import { ApiFailure, get } from "../../client/http";
import type { Content } from "../../client/types/content";
import type { PageProps } from "../../app/pages";
import { ButtonLink } from "../../kit/button";
import { useEvery, useLoad, type Loaded } from "../../kit/load";
import { MailView } from "../../kit/mail/view";
import { Page } from "../../kit/page";
import { Card, Empty, Failure, Skeleton } from "../../kit/show";
import { href, useRoute } from "../../router";
import { useScope } from "../../state/scope";
import { useSession } from "../../state/session";
import { directionOf } from "../activity/filters";
import { Authentication } from "./authentication";
import { contentPath, find, isFresh, isQueued, isWaiting, standing, type Found } from "./find";
import { Recipients } from "./recipients";
import { Summary } from "./summary";
import { Timeline } from "./timeline";
import { Waiting } from "./waiting";
import "./message.css";

/** How often it is looked at again while it waits, or is not on record yet. */
const EVERY = 3_000;

export default function MessagePage({ rest: [id = ""] }: PageProps) {
  return <OfId key={id} id={id} />;
}

function OfId({ id }: { readonly id: string }) {
  const { params } = useRoute();
  const { account } = useScope();
  const { session } = useSession();
  const hint = directionOf(params);
  // Who operates the server may have been given the id of anybody's message.
  const whose = session.operator ? undefined : account?.id;
  const found: Loaded<Found> = useLoad(
    (signal) => find(id, { direction: found.data?.direction ?? hint, account: whose }, signal),
    [id, whose],
  );
  const { data, failure, reload } = found;
  const isUnknown = failure instanceof ApiFailure && failure.status === 404;
  const isComing = isUnknown && isFresh(id, new Date());
  useEvery(reload, isComing || (data && isWaiting(data.message)) ? EVERY : undefined);
  if (data) return <Shown key={data.path} found={data} reload={reload} />;
  if (isUnknown && !isComing) return <Unknown id={id} />;
  return (
    <Page title="Message" lead={isComing && "It came a moment ago, and is being recorded."}>
      {failure && !isComing ? <Failure failure={failure} again={reload} /> : <Skeleton lines={12} />}
    </Page>
  );
}

function Unknown({ id }: { readonly id: string }) {
  return (
    <Page title="Message">
      <Empty title={`There is no message ${id}`}>
        <p>It may have been sent more than a month ago, or belong to another account.</p>
        <ButtonLink to={href("/activity")}>Activity log</ButtonLink>
      </Empty>
    </Page>
  );
}

interface ShownProps {
  readonly found: Found;
  readonly reload: () => void;
}

function Shown({ found, reload }: ShownProps) {
  const { session } = useSession();
  const { message, direction } = found;
  const path = contentPath(found);
  const content = useLoad(async (signal) => (await get<Content>(path, { signal })).result, [path]);
  const back = href("/activity", { mail: direction === "routing" ? direction : undefined });
  return (
    <Page
      title={message.subject || "Message without a subject"}
      lead={standing(message)}
      actions={<ButtonLink to={back}>Activity log</ButtonLink>}
    >
      {session.operator && isQueued(message) && <Waiting message={message} onChanged={reload} />}
      <Recipients message={message} direction={direction} />
      <div class="message-columns">
        <Timeline found={found} />
        <div class="stack">
          <Summary message={message} direction={direction} />
          <Authentication message={message} direction={direction} content={content.data} />
        </div>
      </div>
      <Card title="Contents">
        <Contents content={content} path={path} />
      </Card>
    </Page>
  );
}

interface ContentsProps {
  readonly content: Loaded<Content>;
  readonly path: string;
}

function Contents({ content: { data, failure, reload }, path }: ContentsProps) {
  if (data) return <MailView content={data} html={`${path}/html`} raw={data.source === "kept" ? undefined : `${path}/raw`} />;
  if (failure instanceof ApiFailure && failure.status === 404) {
    return (
      <Empty title="Its contents are not kept">
        <p>{failure.message}</p>
      </Empty>
    );
  }
  return failure ? <Failure failure={failure} again={reload} /> : <Skeleton lines={5} />;
}
