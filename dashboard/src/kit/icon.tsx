// Drawn signs of 16 by 16, beside words that say the same.

const PATHS = {
  overview: "M2 13V8m4 5V3m4 10V6m4 7V9",
  activity: "M2 4h12M2 8h12M2 12h7",
  domains: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM2 8h12M8 2c4 4 4 8 0 12M8 2c-4 4-4 8 0 12",
  suppressions: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM4 4l8 8",
  routing: "M2 4h4l4 8h4M11 9l3 3-3 3M10 4h4M11 1l3 3-3 3",
  workers: "M6 2 1 8l5 6M10 2l5 6-5 6",
  queue: "M2 3h12v3H2zM2 10h12v3H2z",
  shaping: "M3 2v12M8 2v12M13 2v12M1 5h4M6 10h4M11 6h4",
  webhooks: "M6 8a3 3 0 1 1 3-3l2 5M5 8l-2 4h6m2 2a3 3 0 1 0-1-5",
  tokens: "M6 10a4 4 0 1 1 2-3h7v3h-2v2h-2v-2H8",
  audit: "M4 1h6l3 3v11H4zM6 7h5M6 10h5",
  accounts: "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 15c0-8 12-8 12 0",
  inbox: "M2 9 4 3h8l2 6v4H2zM2 9h4l1 2h2l1-2h4",
  docs: "M2 2h5l1 1 1-1h5v11H9l-1 1-1-1H2zM8 3v10",
  menu: "M2 4h12M2 8h12M2 12h12",
  close: "M3 3l10 10M13 3 3 13",
  copy: "M5 5h9v9H5zM11 5V2H2v9h3",
  check: "M2 8l4 4 8-8",
  warn: "M8 2 1 14h14zM8 6v4M8 12v.5",
  cross: "M4 4l8 8M12 4l-8 8",
  out: "M9 2H3v12h6M6 8h9M12 5l3 3-3 3",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v2m0 10v2M1 8h2m10 0h2M3 3l1.5 1.5m7 7L13 13M13 3l-1.5 1.5m-7 7L3 13",
  up: "M3 10l5-5 5 5",
  down: "M3 6l5 5 5-5",
  right: "M6 3l5 5-5 5",
  search: "M7 2a5 5 0 1 0 0 10A5 5 0 0 0 7 2ZM11 11l4 4",
  pause: "M5 3v10M11 3v10",
  play: "M4 2l9 6-9 6z",
  refresh: "M13 3v4H9M13 7A5.5 5.5 0 1 0 13 11",
  plus: "M8 2v12M2 8h12",
  trash: "M2 4h12M6 4V2h4v2M4 4l1 10h6l1-10",
  edit: "M2 14l1-4 8-8 3 3-8 8z",
  filter: "M2 3h12L9 9v5l-2-1V9z",
  mail: "M1 3h14v10H1zM1 4l7 5 7-5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
