import { Page } from "../../kit/page";

export default function DomainsPage() {
  return <Page title="Domains">{null}</Page>;
}
