import type { Direction, Message } from "../../client/types/activity";
import type { Content } from "../../client/types/content";
import { Badge, Card, Facts, type Tone } from "../../kit/show";
import { href } from "../../router";
import { signatures, valueOf, type Signature } from "./signatures";

const TONES: Readonly<Record<string, Tone>> = {
  pass: "good",
  fail: "bad",
  softfail: "warn",
  permerror: "bad",
  temperror: "warn",
};

interface Props {
  readonly message: Message;
  readonly direction: Direction;
  readonly content: Content | undefined;
}

/** Whether the message is from whom it says. */
export function Authentication({ message, direction, content }: Props) {
  return (
    <Card title="Authentication">
      {direction === "routing" ? (
        <Checked message={message} content={content} />
      ) : (
        <Signed message={message} content={content} />
      )}
    </Card>
  );
}

type PartProps = Omit<Props, "direction">;

/** What was found when it came. */
function Checked({ message, content }: PartProps) {
  const { spf, dkim, dmarc, arc, spam_score } = message;
  const verified = content && valueOf(content.headers, "Authentication-Results");
  return (
    <Facts
      rows={[
        ["SPF", <Result result={spf} />],
        ["DKIM", <Result result={dkim} />],
        ["DMARC", <Result result={dmarc} />],
        ["ARC", <Result result={arc} />],
        ["Spam score", spam_score ?? undefined],
        ["As written into it", verified && <code>{verified}</code>],
      ]}
    />
  );
}

function Result({ result }: { readonly result: string | null | undefined }) {
  if (!result) return <span class="soft">not checked</span>;
  return <Badge tone={TONES[result] ?? "muted"}>{result}</Badge>;
}

/** What it leaves with: receivers find out the same. */
function Signed({ message, content }: PartProps) {
  const found = content ? signatures(content.headers, message.from) : [];
  const domain = message.sending_domain;
  const where = <a href={href(`/domains/${encodeURIComponent(message.zone_id ?? "")}`)}>what {domain} publishes</a>;
  return (
    <div class="stack">
      {found.length > 0 ? (
        <Facts rows={found.map((one) => ["DKIM", <SignatureText one={one} />])} />
      ) : (
        <p class="soft">Its signatures are in its headers, which are shown while it waits, or where they were kept.</p>
      )}
      {message.zone_id && <p>Receivers check it against {where}.</p>}
    </div>
  );
}

function SignatureText({ one }: { readonly one: Signature }) {
  return (
    <span class="row">
      <span>
        signed for <b>{one.domain}</b> with the key <code>{one.selector}</code>, {one.algorithm}
      </span>
      <Badge tone={one.isAligned ? "good" : "warn"}>{one.isAligned ? "Aligned with its author" : "Not its author's domain"}</Badge>
    </span>
  );
}
