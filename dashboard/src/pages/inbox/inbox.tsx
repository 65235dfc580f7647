import { Page } from "../../kit/page";

export default function InboxPage() {
  return <Page title="Inbox">{null}</Page>;
}
