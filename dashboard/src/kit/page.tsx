import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { navigate } from "../router";

interface Props {
  readonly title: string;
  /** One sentence: what the page is for. */
  readonly lead?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A page with its heading, which is also the title of the browser's window. */
export function Page({ title, lead, actions, children }: Props) {
  useEffect(() => {
    document.title = `${title} · mailwright`;
  }, [title]);
  return (
    <>
      <header class="page-head">
        <div>
          <h1>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

interface Tab {
  readonly id: string;
  readonly name: ComponentChildren;
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly chosen: string;
  readonly onChoose: (id: string) => void;
  readonly children: ComponentChildren;
}

/** Tabs as ARIA's authoring practices have them: arrows go from one to the next. */
export function Tabs({ label, tabs, chosen, onChoose, children }: TabsProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => bringIntoView(list.current), [chosen]);
  const move = (event: KeyboardEvent, at: number) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    onChoose(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <>
      <div ref={list} class="tabs" role="tablist" aria-label={label}>
        {tabs.map(({ id, name }, at) => (
          <button
            key={id}
            id={`tab-${id}`}
            type="button"
            role="tab"
            aria-selected={id === chosen}
            aria-controls={`panel-${id}`}
            tabIndex={id === chosen ? 0 : -1}
            onClick={() => onChoose(id)}
            onKeyDown={(event) => move(event, at)}
          >
            {name}
          </button>
        ))}
      </div>
      <div id={`panel-${chosen}`} role="tabpanel" aria-labelledby={`tab-${chosen}`} class="tab-panel">
        {children}
      </div>
    </>
  );
}

/** Scrolls tabs that have no room to the chosen one, and nothing but them. */
function bringIntoView(list: HTMLElement | null): void {
  const tab = list?.querySelector<HTMLElement>('[aria-selected="true"]');
  if (!list || !tab) return;
  const [row, own] = [list.getBoundingClientRect(), tab.getBoundingClientRect()];
  if (own.right > row.right) list.scrollLeft += own.right - row.right;
  if (own.left < row.left) list.scrollLeft -= row.left - own.left;
}

/** Pages of a list that goes on by cursors: the ones before are behind the browser's way back. */
export function NextPage({ to }: { readonly to: string | undefined }) {
  if (!to) return null;
  return (
    <p class="pager">
      <button type="button" class="button plain" onClick={() => navigate(to)}>
        Next page
      </button>
    </p>
  );
}
