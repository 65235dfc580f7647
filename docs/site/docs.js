// The search, and buttons that copy commands. Pages work without it.
'use strict';

/** Most results that are shown. */
const SHOWN = 12;
/** Words around what was found. */
const AROUND = 90;

const form = document.getElementById('search');
const query = document.getElementById('query');
const found = document.getElementById('found');
let sections;

function element(name, attributes = {}, ...content) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...content);
  return made;
}

/** The words of all pages, fetched when they are first needed. */
function index() {
  sections ??= fetch('/docs/search.json').then((answer) => answer.json());
  return sections;
}

/** How well a section fits; 0 when a word is missing. */
function fit({ page, heading, words }, wanted) {
  let score = 0;
  for (const word of wanted) {
    const places = [[heading, 20], [page, 8], [words, 1]];
    const best = places.find(([text]) => text.toLowerCase().includes(word));
    if (!best) return 0;
    score += best[1];
  }
  return score;
}

/** What is around the first of the words, with all of them marked. */
function excerpt(text, wanted) {
  const at = Math.max(0, text.toLowerCase().indexOf(wanted[0]));
  const from = Math.max(0, at - AROUND / 2);
  const shown = text.slice(from, at + AROUND);
  const line = element('small', {}, from > 0 ? '… ' : '');
  const pattern = new RegExp(wanted.map((word) => word.replace(/[^\p{L}\p{N}]/gu, '\\$&')).join('|'), 'gi');
  let last = 0;
  for (const match of shown.matchAll(pattern)) {
    line.append(shown.slice(last, match.index), element('mark', {}, match[0]));
    last = match.index + match[0].length;
  }
  line.append(shown.slice(last));
  return line;
}

async function search() {
  const wanted = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return close();
  const all = await index();
  const hits = all.map((section) => ({ section, score: fit(section, wanted) })).filter(({ score }) => score);
  hits.sort((one, other) => other.score - one.score);
  const items = hits.slice(0, SHOWN).map(({ section }, at) => {
    const title = section.heading === section.page ? section.page : `${section.page}: ${section.heading}`;
    const item = element('a', { href: section.address, id: `found-${at}`, tabIndex: -1 }, title, excerpt(section.words, wanted));
    item.setAttribute('role', 'option');
    item.setAttribute('aria-selected', 'false');
    return item;
  });
  found.replaceChildren(...(items.length ? items : [element('p', {}, 'Nothing found.')]));
  found.hidden = false;
  query.setAttribute('aria-expanded', 'true');
  query.removeAttribute('aria-activedescendant');
}

function close() {
  found.hidden = true;
  query.setAttribute('aria-expanded', 'false');
  query.removeAttribute('aria-activedescendant');
}

/** Moves the choice by a number of results. */
function choose(step) {
  const items = [...found.querySelectorAll('a')];
  if (!items.length) return;
  const now = items.findIndex((item) => item.getAttribute('aria-selected') === 'true');
  items[now]?.setAttribute('aria-selected', 'false');
  const next = items[(now + step + items.length + (now < 0 && step < 0 ? 1 : 0)) % items.length];
  next.setAttribute('aria-selected', 'true');
  next.scrollIntoView({ block: 'nearest' });
  query.setAttribute('aria-activedescendant', next.id);
}

form.hidden = false;
query.addEventListener('input', search);
query.addEventListener('focus', index, { once: true });
query.addEventListener('keydown', (event) => {
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in steps) {
    event.preventDefault();
    choose(steps[event.key]);
  } else if (event.key === 'Escape') {
    close();
  }
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  (found.querySelector('[aria-selected="true"]') ?? found.querySelector('a'))?.click();
});
found.addEventListener('click', close);
document.addEventListener('click', (event) => form.contains(event.target) || close());
document.addEventListener('keydown', (event) => {
  const writes = event.target.closest('input, textarea, select');
  if (event.key !== '/' || writes || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  query.focus();
});

// Browsers copy for pages that came by a safe way only.
for (const pre of navigator.clipboard ? document.querySelectorAll('article > pre') : []) {
  const button = element('button', { className: 'copy', type: 'button' }, 'Copy');
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(pre.innerText);
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = 'Copy'), 2000);
  });
  const frame = element('div', { className: 'code' });
  pre.replaceWith(frame);
  frame.append(pre, button);
}
