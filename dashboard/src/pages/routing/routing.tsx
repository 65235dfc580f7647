import { Page } from "../../kit/page";

export default function RoutingPage() {
  return <Page title="Routing">{null}</Page>;
}
