import { url } from "../../client/http";
import type { Attachment } from "../../client/types/content";
import { ButtonLink } from "../button";
import { bytes } from "../format";
import { Table, type Column } from "../table";

interface Props {
  readonly attachments: readonly Attachment[];
  readonly to: ((place: number) => string) | undefined;
}

type Placed = Attachment & { readonly place: number };

const COLUMNS: readonly Column<Placed>[] = [
  { name: "Name", cell: ({ filename }) => filename || "no name", by: ({ filename }) => filename ?? "" },
  { name: "Type", cell: ({ content_type }) => <code>{content_type}</code>, by: ({ content_type }) => content_type },
  { name: "How", cell: ({ disposition, content_id }) => [disposition, content_id && `cid:${content_id}`].filter(Boolean).join(", ") },
  { name: "Size", cell: ({ size }) => bytes(size), by: ({ size }) => size, numeric: true },
];

export function Attachments({ attachments, to }: Props) {
  const link: readonly Column<Placed>[] = to
    ? [{ name: "File", cell: ({ place }) => <ButtonLink small to={url(to(place))}>Download</ButtonLink> }]
    : [];
  return (
    <Table
      caption="Attachments"
      columns={[...COLUMNS, ...link]}
      rows={attachments.map((attachment, place) => ({ ...attachment, place }))}
      keyOf={({ place }) => String(place)}
    />
  );
}
