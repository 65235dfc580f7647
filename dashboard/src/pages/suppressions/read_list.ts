// Addresses that somebody pasted, or has in a file.

/** A line that somebody meant for an address. */
export interface ReadLine {
  /** From 1. */
  readonly line: number;
  readonly email: string;
  readonly note?: string;
}

/** Most items of one request. */
export const MOST = 1_000;

/**
 * One address a line, or CSV with a heading: the column `email` (or `address`) and, if there is one, `note`. Empty lines and
 * those that begin with # are left out. Whether an address is one is for the server to say.
 */
export function readList(text: string): readonly ReadLine[] {
  const rows = fields(text).filter(({ cells }) => cells.some((cell) => cell !== "") && !cells[0]?.startsWith("#"));
  const heading = rows[0]?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const email = heading.findIndex((name) => name === "email" || name === "address" || name === "e-mail");
  const note = heading.indexOf("note");
  if (email < 0) return rows.map(({ line, cells }) => ({ line, email: cells[0] ?? "" }));
  return rows.slice(1).map(({ line, cells }) => {
    const said = note < 0 ? "" : (cells[note] ?? "");
    return { line, email: cells[email] ?? "", ...(said && { note: said }) };
  });
}

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Cells of CSV (RFC 4180), also between semicolons and tabs. */
function fields(text: string): readonly Row[] {
  const rows: Row[] = [];
  let line = 1;
  let start = 1;
  let cells: string[] = [];
  let cell = "";
  let isQuoted = false;
  const endCell = () => (cells.push(cell.trim()), (cell = ""));
  const endRow = () => (endCell(), rows.push({ line: start, cells }), (cells = []), (start = line));
  const characters = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? "";
    if (character === "\n") line += 1;
    if (isQuoted) {
      if (character !== '"') cell += character;
      else if (characters[at + 1] === '"') (cell += '"'), (at += 1);
      else isQuoted = false;
    } else if (character === '"' && cell.trim() === "" && isClosed(characters, at)) isQuoted = true;
    else if (character === "\n") endRow();
    else if (/[,;\t]/.test(character)) endCell();
    else cell += character;
  }
  endRow();
  return rows;
}

/** Whether a quoted cell begins here: a local part in quotes does not end before a comma or the line's end. */
function isClosed(text: string, at: number): boolean {
  return /^"(?:[^"]|"")*"[ ]*(?:[,;\t\n]|$)/.test(text.slice(at));
}

/** Parts of at most `MOST`. */
export function inParts<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / MOST) }, (_, part) => items.slice(part * MOST, (part + 1) * MOST));
}
