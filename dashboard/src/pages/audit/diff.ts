// What a change changed, field by field.

export interface FieldChange {
  /** Its path: `limits.account.day`. */
  readonly field: string;
  /** Undefined where there was nothing. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** The fields that differ, in the order of their names. What was made has nothing before, what was removed nothing after. */
export function diff(before: unknown, after: unknown): readonly FieldChange[] {
  const [old, young] = [flat(before), flat(after)];
  const fields = [...new Set([...old.keys(), ...young.keys()])].sort();
  return fields
    .map((field) => ({ field, before: old.get(field), after: young.get(field) }))
    .filter(({ before, after }) => before !== after);
}

/** Fields that change with everything. */
const NOISE = new Set(["modified", "modified_on"]);

/** What changed in one line, for a list; what always changes is left out. */
export function inShort(changes: readonly FieldChange[]): string {
  return changes
    .filter(({ field }) => !NOISE.has(field))
    .map(({ field, before, after }) => `${field}: ${before ?? "–"} → ${after ?? "–"}`)
    .join("; ");
}

function flat(value: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  if (value === null || value === undefined) {
    if (path) into.set(path, "null");
  } else if (typeof value === "object" && !Array.isArray(value)) {
    for (const [name, field] of Object.entries(value)) flat(field, path ? `${path}.${name}` : name, into);
  } else {
    into.set(path, typeof value === "string" ? value : (momentOf(value) ?? JSON.stringify(value)));
  }
  return into;
}

/** Between these lie the moments of this century's records, in milliseconds; other numbers of records are far smaller. */
const MOMENTS = [Date.UTC(2020, 0), Date.UTC(2100, 0)] as const;

/** Records keep times in milliseconds; people read them otherwise. */
function momentOf(value: unknown): string | undefined {
  if (typeof value !== "number" || value < MOMENTS[0] || value > MOMENTS[1]) return undefined;
  return new Date(value).toISOString();
}
