import { useState } from "preact/hooks";
import { get, part, remove, text } from "../../client/http";
import type { KvKey, Namespace } from "../../client/types/workers";
import { Button, CopyButton } from "../../kit/button";
import { Confirm, Dialog } from "../../kit/dialog";
import { FilterField } from "../../kit/filter_field";
import { bytes } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { NextPage } from "../../kit/page";
import { Card, Empty, Failure, Skeleton, Time } from "../../kit/show";
import { Table } from "../../kit/table";
import { href, setParams, useRoute } from "../../router";
import { useMay } from "../../state/session";

const PER_PAGE = 100;
/** Most octets of a value that are shown. */
const SHOWN = 64 * 1024;

interface Props {
  readonly path: string;
  readonly namespace: Namespace;
}

/** The keys of a namespace, and what stands at one. */
export function KvKeys({ path, namespace }: Props) {
  const { params } = useRoute();
  const prefix = params.get("prefix") ?? "";
  const cursor = params.get("cursor");
  const shown = params.get("key");
  const mayEdit = useMay("workers_edit");
  const [leaving, setLeaving] = useState<string>();
  const found = useLoad(
    (signal) => get<KvKey[]>(`${path}/keys`, { query: { prefix, cursor, limit: PER_PAGE }, signal }),
    [path, prefix, cursor],
  );
  const rows = found.data?.result;
  const next = found.data?.info?.cursor;
  return (
    <Card title={`Keys of ${namespace.title}`}>
      <div class="filters">
        <FilterField label="Begins with" value={prefix} onSettle={(prefix) => setParams({ prefix, cursor: undefined })} />
      </div>
      <Failure failure={found.failure} again={found.reload} />
      {!rows && !found.failure && <Skeleton lines={5} />}
      {rows?.length === 0 && <Empty title={prefix ? "No key begins so" : "Nothing is kept here"} />}
      {rows && rows.length > 0 && (
        <Table
          caption={`Keys of ${namespace.title}`}
          rows={rows}
          keyOf={({ name }) => name}
          columns={[
            {
              name: "Key",
              cell: ({ name }) => (
                <button type="button" class="as-link" onClick={() => setParams({ key: name }, { replace: false })}>
                  <code>{name}</code>
                </button>
              ),
            },
            { name: "Ends", cell: ({ expiration }) => (expiration ? <Time at={expiration * 1_000} /> : <span class="soft">never</span>) },
            { name: "Metadata", minor: true, cell: ({ metadata }) => (metadata === undefined ? "" : <code>{JSON.stringify(metadata)}</code>) },
            {
              name: "Actions",
              cell: ({ name }) =>
                mayEdit && (
                  <Button small kind="quiet" icon="trash" label={`Remove the key ${name}`} onClick={() => setLeaving(name)}>
                    {""}
                  </Button>
                ),
            },
          ]}
        />
      )}
      <NextPage to={next ? href("/workers", { tab: "kv", ns: namespace.id, prefix, cursor: next }) : undefined} />
      {shown !== null && <Value path={path} name={shown} onClose={() => setParams({ key: undefined })} />}
      {leaving !== undefined && (
        <Confirm
          title="Remove a key"
          action="Remove"
          dangerous
          onConfirm={async () => {
            await remove(`${path}/values/${part(leaving)}`);
            found.reload();
          }}
          onClose={() => setLeaving(undefined)}
        >
          <p>
            <code>{leaving}</code> and what stands there are gone for good, for every Worker that reads them.
          </p>
        </Confirm>
      )}
    </Card>
  );
}

function Value({ path, name, onClose }: { readonly path: string; readonly name: string; readonly onClose: () => void }) {
  const found = useLoad((signal) => text(`${path}/values/${part(name)}`, SHOWN, { signal }), [path, name]);
  return (
    <Dialog title={name} onClose={onClose} wide>
      <Failure failure={found.failure} />
      {!found.data && !found.failure && <Skeleton lines={4} />}
      {found.data && (
        <div class="stack">
          <pre tabIndex={0}>{found.data.text}</pre>
          {found.data.isCut ? <p class="soft">The first {bytes(SHOWN)} are shown.</p> : <CopyButton text={found.data.text} label="Copy the value" />}
        </div>
      )}
    </Dialog>
  );
}
