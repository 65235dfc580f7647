import { Page } from "../../kit/page";

export default function TokensPage() {
  return <Page title="Tokens">{null}</Page>;
}
