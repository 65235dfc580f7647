import { useState } from "preact/hooks";
import type { PageProps } from "../../app/pages";
import { all } from "../../client/http";
import type { Webhook } from "../../client/types/webhooks";
import { Button } from "../../kit/button";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Page } from "../../kit/page";
import { Badge, Empty, Failure, Skeleton, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { href } from "../../router";
import { useScope } from "../../state/scope";
import { useMay } from "../../state/session";
import { WebhookForm } from "./form";
import { healthOf } from "./health";
import { webhooksPath } from "./path";
import { SigningSecret } from "./signing_secret";
import { VerifyCard } from "./verify";
import "./webhooks.css";
import { WebhookPage } from "./webhook_page";

export default function WebhooksPage({ rest: [id] }: PageProps) {
  const { account } = useScope();
  if (!account) return <Empty title="There is no account yet" />;
  if (id) return <WebhookPage key={`${account.id} ${id}`} account={account.id} id={id} />;
  return <WebhookList key={account.id} account={account.id} />;
}

function WebhookList({ account }: { readonly account: string }) {
  const found = useLoad((signal) => all<Webhook>(webhooksPath(account), { signal }), [account], { every: 10_000 });
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<Webhook>();
  const may = useMay("admin");
  const keep = (webhook: Webhook) => {
    setMade(webhook);
    found.reload();
  };
  const make = may && (
    <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>
      New webhook
    </Button>
  );
  return (
    <Page title="Webhooks" lead="Your server is told what becomes of your mail, as it happens." actions={make}>
      <Failure failure={found.failure} again={found.reload} />
      {!found.data && !found.failure && <Skeleton lines={4} />}
      {found.data?.length === 0 && (
        <Empty title="No webhooks yet">
          <p>Name an address of yours, and every delivery, bounce and complaint is posted to it, signed.</p>
        </Empty>
      )}
      {found.data && found.data.length > 0 && <WebhookTable webhooks={found.data} />}
      <VerifyCard />
      {isMaking && <WebhookForm account={account} onDone={keep} onClose={() => setMaking(false)} />}
      {made?.secret && <SigningSecret secret={made.secret} onClose={() => setMade(undefined)} />}
    </Page>
  );
}

function WebhookTable({ webhooks }: { readonly webhooks: readonly Webhook[] }) {
  const columns: Column<Webhook>[] = [
    { name: "Webhook", cell: ({ name, url }) => name || url, by: ({ name, url }) => name || url },
    {
      name: "Health",
      cell: (webhook) => {
        const [tone, text] = healthOf(webhook);
        return (
          <>
            <Badge tone={tone}>{text}</Badge>{" "}
            {webhook.enabled && webhook.failing_since && (
              <span class="soft">
                since <Time at={webhook.failing_since} />
              </span>
            )}
          </>
        );
      },
      by: (webhook) => healthOf(webhook)[1],
    },
    { name: "Address", cell: ({ url }) => <span class="address">{url}</span>, minor: true },
    { name: "Events", cell: ({ events }) => (events.length ? events.map((name) => name.replace("message.", "")).join(", ") : "all") },
    { name: "Not told yet", cell: ({ waiting_events }) => count(waiting_events), by: ({ waiting_events }) => waiting_events, numeric: true },
    { name: "Made", cell: ({ created }) => <Time at={created} />, by: ({ created }) => created },
  ];
  return (
    <Table
      caption="Webhooks of the account"
      columns={columns}
      rows={webhooks}
      keyOf={({ id }) => id}
      to={({ id }) => href(`/webhooks/${id}`)}
    />
  );
}
