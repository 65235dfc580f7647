import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { SendingDomain, SendingSettings } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { useAction } from "../../kit/load";
import { Badge, Card, Empty, Failure, Time } from "../../kit/show";
import { Table } from "../../kit/table";
import { href, navigate, useRoute } from "../../router";
import { useMay } from "../../state/session";
import { SendingDomainView } from "./domain";
import { domainState } from "./states";

interface Props {
  readonly zone: Zone;
  readonly settings: SendingSettings;
  readonly changed: () => void;
}

/** What of a zone sends: its sending domains, and one of them in full. */
export function Sending({ zone, settings, changed }: Props) {
  const { params } = useRoute();
  const [isAdding, setAdding] = useState(false);
  const domains = settings.subdomains;
  const chosen =
    domains.find(({ tag }) => tag === params.get("domain")) ?? domains.find(({ name }) => name === zone.name) ?? domains[0];
  if (!chosen) return <NotYet zone={zone} changed={changed} />;
  const to = (domain: SendingDomain) => href(`/domains/${zone.name}`, { domain: domain.tag });
  return (
    <div class="stack">
      {(domains.length > 1 || chosen.name !== zone.name) && (
        <Card title="Sending domains">
          <Table
            caption={`Sending domains of ${zone.name}`}
            rows={domains}
            keyOf={({ tag }) => tag}
            to={to}
            columns={[
              { name: "Domain", cell: ({ name, tag }) => <Chosen is={tag === chosen.tag}>{name}</Chosen>, by: ({ name }) => name },
              { name: "State", cell: (domain) => <State domain={domain} /> },
              { name: "Return path", minor: true, cell: ({ return_path_domain: name }) => <code>{name}</code> },
              { name: "Added", minor: true, cell: ({ created }) => <Time at={created} />, by: ({ created }) => created },
            ]}
          />
        </Card>
      )}
      <SendingDomainView key={chosen.tag} zone={zone} domain={chosen} changed={changed} onAdd={() => setAdding(true)} />
      {isAdding && <AddDomain zone={zone} onClose={() => setAdding(false)} changed={changed} />}
    </div>
  );
}

function Chosen({ is, children }: { readonly is: boolean; readonly children: string }) {
  return is ? <strong aria-current="true">{children}</strong> : <>{children}</>;
}

function State({ domain }: { readonly domain: SendingDomain }) {
  const [tone, text] = domainState(domain);
  return <Badge tone={tone}>{text}</Badge>;
}

function NotYet({ zone, changed }: Pick<Props, "zone" | "changed">) {
  const may = useMay("admin");
  const enable = useAction(async () => {
    await post(`/zones/${zone.id}/email/sending/enable`);
    changed();
  });
  return (
    <Card>
      <Empty title={`Nothing sends from ${zone.name} yet`}>
        <p>Enabling makes DKIM keys and shows the records to publish. Your DNS is not touched by that.</p>
        {may && (
          <p>
            <Button kind="primary" busy={enable.isRunning} onClick={() => void enable.run()}>
              Enable sending
            </Button>
          </p>
        )}
      </Empty>
      <Failure failure={enable.failure} />
    </Card>
  );
}

function AddDomain({ zone, changed, onClose }: Pick<Props, "zone" | "changed"> & { readonly onClose: () => void }) {
  const [name, setName] = useState("");
  const add = async () => {
    const { result } = await post<SendingDomain>(`/zones/${zone.id}/email/sending/subdomains`, { name: name.trim() });
    changed();
    navigate(href(`/domains/${zone.name}`, { domain: result.tag }));
  };
  return (
    <FormDialog title="Add a sending domain" action="Add" isReady={name.trim() !== ""} onSubmit={add} onClose={onClose}>
      <TextField
        label="Domain"
        value={name}
        onInput={setName}
        placeholder={`news.${zone.name}`}
        required
        autoFocus
        hint={`${zone.name} or a name beneath it; *.${zone.name} lets all names beneath send.`}
      />
    </FormDialog>
  );
}
