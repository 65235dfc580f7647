import { Page } from "../../kit/page";

export default function ActivityPage() {
  return <Page title="Activity">{null}</Page>;
}
