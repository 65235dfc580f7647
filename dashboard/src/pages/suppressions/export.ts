import { get, type Query } from "../../client/http";
import type { Suppression } from "../../client/types/sending";
import { csv, download } from "../../kit/csv";

/** Most rows of a page of the API. */
const PER_PAGE = 1_000;
/** Most rows of a file: a browser holds all of it. */
const MOST = 500_000;

const COLUMNS = [
  { name: "email", value: ({ email }: Suppression) => email },
  { name: "reason", value: ({ reason }: Suppression) => reason },
  { name: "scope", value: ({ scope }: Suppression) => scope.type },
  { name: "sending_domain", value: ({ scope }: Suppression) => scope.value },
  { name: "created_at", value: ({ created_at }: Suppression) => created_at },
  { name: "expires_at", value: ({ expires_at }: Suppression) => expires_at },
  { name: "note", value: ({ note }: Suppression) => note },
];

/** Everything that the filters leave, as a file. */
export async function exportAll(path: string, filters: Query): Promise<void> {
  const rows: Suppression[] = [];
  let cursor: string | undefined;
  do {
    const { result, info } = await get<Suppression[]>(path, { query: { ...filters, cursor, per_page: PER_PAGE } });
    rows.push(...result);
    cursor = info?.cursor ?? undefined;
  } while (cursor && rows.length < MOST);
  if (cursor) throw new Error("There are more than 500,000: narrow the filters, or read them by the API.");
  download("suppressions.csv", "text/csv", csv(COLUMNS, rows));
}
