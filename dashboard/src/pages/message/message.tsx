import { Page } from "../../kit/page";

export default function MessagePage() {
  return <Page title="Message">{null}</Page>;
}
