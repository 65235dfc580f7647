import { Page } from "../../kit/page";

export default function QueuePage() {
  return <Page title="Queue">{null}</Page>;
}
