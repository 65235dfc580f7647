import { Page } from "../../kit/page";

export default function AuditPage() {
  return <Page title="Audit">{null}</Page>;
}
