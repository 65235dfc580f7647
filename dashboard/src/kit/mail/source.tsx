import { url } from "../../client/http";
import { ButtonLink, CopyButton } from "../button";
import { bytes } from "../format";
import { useLoad } from "../load";
import { Failure, Skeleton } from "../show";

/** Octets that are shown; browsers become slow with more. */
const SHOWN = 256 * 1024;

/** The message octet by octet, as far as it is text. */
export function Source({ path }: { readonly path: string }) {
  const source = useLoad(
    async (signal) => {
      const answer = await fetch(url(path), { signal, credentials: "same-origin" });
      if (!answer.ok) throw new Error("The source of this message is no longer there: it has left the queue.");
      return answer.text();
    },
    [path],
  );
  if (source.failure) return <Failure failure={source.failure} again={source.reload} />;
  if (source.data === undefined) return <Skeleton lines={10} />;
  const isCut = source.data.length > SHOWN;
  return (
    <div class="stack">
      <div class="row">
        <ButtonLink small to={url(path)}>
          Download
        </ButtonLink>
        <CopyButton text={source.data} label="Copy the source" />
        {isCut && <span class="soft">The first {bytes(SHOWN)} are shown; the download has all.</span>}
      </div>
      <pre class="mail-text" role="region" aria-label="Source" tabIndex={0}>
        {isCut ? source.data.slice(0, SHOWN) : source.data}
      </pre>
    </div>
  );
}
