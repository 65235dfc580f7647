import { Page } from "../../kit/page";

export default function WebhooksPage() {
  return <Page title="Webhooks">{null}</Page>;
}
