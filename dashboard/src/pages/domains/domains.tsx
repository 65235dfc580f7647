import type { PageProps } from "../../app/pages";
import { ButtonLink } from "../../kit/button";
import { Page } from "../../kit/page";
import { Empty } from "../../kit/show";
import { href } from "../../router";
import { useScope } from "../../state/scope";
import { ZoneList } from "./list";
import { ZonePage } from "./zone";
import "./domains.css";

/** `#/domains` and `#/domains/{zone}`. */
export default function DomainsPage({ rest }: PageProps) {
  const { zones } = useScope();
  const [wanted] = rest;
  if (!wanted) return <ZoneList />;
  const zone = zones.find(({ id, name }) => name === wanted || id === wanted);
  if (zone) return <ZonePage key={zone.id} zone={zone} />;
  return (
    <Page title={wanted}>
      <Empty title="There is no such domain in this account">
        <ButtonLink to={href("/domains")}>All domains</ButtonLink>
      </Empty>
    </Page>
  );
}
