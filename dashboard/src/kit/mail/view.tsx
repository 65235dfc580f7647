import { useState } from "preact/hooks";
import { url } from "../../client/http";
import type { Content } from "../../client/types/content";
import { setParams, useRoute } from "../../router";
import { Button } from "../button";
import { bytes } from "../format";
import { Tabs } from "../page";
import { Empty, Notice } from "../show";
import { Attachments } from "./attachments";
import { Headers } from "./headers";
import { Source } from "./source";
import "./mail.css";

interface Props {
  readonly content: Content;
  /** Path of the HTML part, which the server sandboxes by itself. */
  readonly html: string;
  /** Path of the whole message as it is; undefined where it is not kept. */
  readonly raw?: string | undefined;
  /** Path of an attachment, by its place in the list. */
  readonly attachment?: (place: number) => string;
}

/** A message as its reader sees it, and as it is. The tab stands in the address. */
export function MailView({ content, html, raw, attachment }: Props) {
  const { params } = useRoute();
  const { attachments } = content;
  const tabs = [
    ...(content.html ? [{ id: "html", name: "HTML" }] : []),
    { id: "text", name: "Text" },
    { id: "headers", name: `Headers (${content.headers.length})` },
    ...(raw ? [{ id: "source", name: "Source" }] : []),
    ...(attachments.length > 0 ? [{ id: "attachments", name: `Attachments (${attachments.length})` }] : []),
  ];
  const chosen = tabs.find(({ id }) => id === params.get("part"))?.id ?? tabs[0]?.id ?? "text";
  return (
    <Tabs label="Parts of the message" tabs={tabs} chosen={chosen} onChoose={(id) => setParams({ part: id })}>
      {content.truncated && (
        <Notice tone="info">Only a part of this message is here; the whole of it has {bytes(content.size)}.</Notice>
      )}
      {chosen === "html" && <HtmlFrame path={html} />}
      {chosen === "text" && <Text content={content} />}
      {chosen === "headers" && <Headers headers={content.headers} />}
      {chosen === "source" && raw && <Source path={raw} />}
      {chosen === "attachments" && <Attachments attachments={attachments} to={attachment} />}
    </Tabs>
  );
}

/** Other people's HTML: without scripts, forms, an origin of its own or anything from elsewhere. */
function HtmlFrame({ path }: { readonly path: string }) {
  const [isNarrow, setNarrow] = useState(false);
  return (
    <div class="stack">
      <div class="row">
        <Button small pressed={!isNarrow} onClick={() => setNarrow(false)}>
          Wide
        </Button>
        <Button small pressed={isNarrow} onClick={() => setNarrow(true)}>
          Phone
        </Button>
        <span class="soft">Without scripts, and without pictures from elsewhere.</span>
      </div>
      <iframe class={`mail-frame${isNarrow ? " narrow" : ""}`} sandbox="" src={url(path)} title="The message as HTML" />
    </div>
  );
}

function Text({ content: { text, source } }: { readonly content: Content }) {
  if (text === null && source === "kept") return <Empty title="Its text was not kept" />;
  if (text === null) {
    return (
      <Empty title="There is no text part">
        <p>Some readers show nothing else, and filters count it against a message. Send one beside the HTML.</p>
      </Empty>
    );
  }
  return (
    <pre class="mail-text" role="region" aria-label="Text" tabIndex={0}>
      {text}
    </pre>
  );
}
