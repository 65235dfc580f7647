import { href } from "../../router";

export const domainPath = (name: string): string => `/queue/domains/${encodeURIComponent(name)}`;
export const sitePath = (name: string): string => `/queue/sites/${encodeURIComponent(name)}`;

/** Hosts of a site at most as long as a column; the page of the site has all of them. */
const SHOWN = 40;

export function SiteLink({ name }: { readonly name: string | undefined }) {
  if (!name) return <span class="soft">not known</span>;
  const text = name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name;
  return (
    <a class="whole" href={href(sitePath(name))} title={name}>
      {text}
    </a>
  );
}
