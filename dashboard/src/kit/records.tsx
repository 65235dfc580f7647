// DNS records to publish, with where each stands.

import type { RecordState, RecordStatus } from "../client/types/dns";
import { CopyButton } from "./button";
import { Badge, type Tone } from "./show";
import { Table } from "./table";
import "./records.css";

const STATES: Readonly<Record<RecordState, readonly [Tone, string]>> = {
  locked: ["good", "Found"],
  not_found: ["bad", "Missing"],
  conflict: ["bad", "Wrong"],
  unknown: ["muted", "Not known"],
};

export function RecordBadge({ state }: { readonly state: RecordState }) {
  const [tone, text] = STATES[state];
  return <Badge tone={tone}>{text}</Badge>;
}

/** A text to be taken elsewhere as it is. */
export function Copied({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <span class="copied">
      <code>{text}</code>
      <CopyButton text={text} label={label} />
    </span>
  );
}

interface Props {
  readonly caption: string;
  readonly records: readonly RecordStatus[];
}

export function RecordTable({ caption, records }: Props) {
  return (
    <Table
      caption={caption}
      rows={records}
      keyOf={({ type, name, content }) => `${type} ${name} ${content}`}
      columns={[
        { name: "State", cell: ({ state }) => <RecordBadge state={state} />, by: ({ state }) => STATES[state][1] },
        { name: "Type", cell: ({ type }) => <code>{type}</code>, by: ({ type }) => type },
        {
          name: "Name",
          cell: ({ name, type }) => (
            <div class="record-name">
              <Copied text={name} label={`Copy the name of the ${type} record: ${name}`} />
            </div>
          ),
        },
        { name: "Value", cell: (record) => <Value record={record} /> },
        { name: "TTL", numeric: true, minor: true, cell: ({ ttl }) => `${ttl} s` },
      ]}
    />
  );
}

function Value({ record }: { readonly record: RecordStatus }) {
  const { type, name, content, priority, state, found } = record;
  return (
    <div class="record-value">
      {priority !== undefined && <span class="soft">Priority {priority}</span>}
      <Copied text={content} label={`Copy the value of the ${type} record at ${name}`} />
      {state === "conflict" && found.length > 0 && (
        <div class="record-found">
          <span class="soft">Found instead</span>
          {found.map((text) => (
            <code key={text}>{text}</code>
          ))}
        </div>
      )}
    </div>
  );
}

/** Records as lines of a zone file; long texts in strings of 255 octets (RFC 1035 section 3.3.14). */
export function zoneFile(records: readonly Pick<RecordStatus, "type" | "name" | "content" | "priority" | "ttl">[]): string {
  const line = ({ type, name, content, priority, ttl }: (typeof records)[number]) => {
    const value = type === "TXT" ? strings(content) : `${priority === undefined ? "" : `${priority} `}${content}.`;
    return `${name}. ${ttl} IN ${type} ${value}`;
  };
  return `${records.map(line).join("\n")}\n`;
}

function strings(text: string): string {
  const pieces = text.match(/.{1,255}/gs) ?? [""];
  return pieces.map((piece) => `"${piece.replace(/["\\]/g, "\\$&")}"`).join(" ");
}
