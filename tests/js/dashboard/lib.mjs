// What the journeys through the dashboard share: a browser that reports every complaint, a session, and checks of
// accessibility. A journey is a script beside this one:
//
//   import { journey } from './lib.mjs';
//   await journey(async ({ page, open, axe, screenshot }) => {
//     await open('/activity');
//     await page.getByRole('heading', { name: 'Activity' }).waitFor();
//     await axe();
//   });
//
// usage: node NAME.mjs BASE_URL TOKEN ACCOUNT_ID ZONE_ID
//
// BASE_URL may be that of `vite dev` in front of a server. It fails when a step does, when the page logs an error, breaks its
// Content-Security-Policy or asks another origin for anything. What the journey returns is printed as JSON.
//
// Environment:
//   MAILWRIGHT_PICTURES=1       writes what `screenshot` takes to docs/pictures/
//   MAILWRIGHT_FAILURES=FOLDER  writes a picture of a page on which a journey failed to this folder

import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const name = basename(process.argv[1], '.mjs');

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long a step may take, in milliseconds: a debug build on a busy machine. */
const STEP = 20_000;
/** How long a journey may take. */
const JOURNEY = 180_000;

/** The size of a small phone. */
export const PHONE = { width: 360, height: 740 };
/** The size of a desk's screen, which is also that of the pictures. */
export const DESK = { width: 1280, height: 900 };

/** The rules of WCAG 2.2, levels A and AA. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/**
 * Runs a journey in a browser that is signed in already, and ends the process as it ends.
 *
 * @param work is given `page`, `context`, the server's `base`, `token`, `account` and `zone`, and the helpers below.
 * @param options `signedIn: false` for a journey that signs in itself; `mayLog`: patterns of errors that belong to it, for
 *   one that makes the server refuse something.
 */
export async function journey(work, { signedIn = true, mayLog = [] } = {}) {
  const [base, token, account, zone] = process.argv.slice(2);
  const late = setTimeout(() => fail(new Error(`${name} has taken ${JOURNEY / 1000} s`)), JOURNEY);
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
  const context = await browser.newContext({ viewport: DESK, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'UTC' });
  context.setDefaultTimeout(STEP);
  const complaints = [];
  context.on('page', (page) => watch(page, base, mayLog, complaints));
  const page = await context.newPage();
  const server = { base, token, account, zone };
  try {
    if (signedIn) await signIn(context, server);
    const helpers = {
      ...server,
      page,
      context,
      api: (method, path, body) => api(server, method, path, body),
      open: (path) => open(page, server, path),
      axe: () => axe(page),
      screenshot: (picture) => screenshot(page, picture),
    };
    const said = await work(helpers);
    if (complaints.length) throw new Error(`the browser complains:\n  ${complaints.join('\n  ')}`);
    process.stdout.write(JSON.stringify(said ?? null));
  } catch (error) {
    await describe(page, complaints);
    fail(error);
  } finally {
    clearTimeout(late);
    await browser.close();
  }
}

function fail(error) {
  console.error(error);
  process.exitCode = 1;
  // Whatever still runs would keep the process; the browser goes with it.
  if (error.message.includes('has taken')) process.exit(1);
}

/** Notes what a page does that no page may do. */
function watch(page, base, mayLog, complaints) {
  const { origin } = new URL(base);
  const complain = (text) => {
    if (!mayLog.some((pattern) => pattern.test(text))) complaints.push(text);
  };
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    const text = `console: ${message.text()} (${message.location().url})`;
    // Every page asks whether there is a session; without one the browser logs the refusal by itself.
    if (!/ 401 .*\/session\)$/.test(text)) complain(text);
  });
  page.on('pageerror', (error) => complain(`error: ${error.stack ?? error}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (!['data:', 'blob:', 'about:'].includes(url.protocol) && !isOurs(url, origin)) complain(`request: ${url}`);
  });
}

/** Whether an address is the server's own, over HTTP or a WebSocket. */
function isOurs(url, origin) {
  return url.origin === origin || url.origin === origin.replace(/^http/, 'ws');
}

/** Says what a journey saw last. */
async function describe(page, complaints) {
  console.error(`at ${page.url()}`);
  for (const complaint of complaints) console.error(complaint);
  try {
    console.error(await page.locator('body').ariaSnapshot({ timeout: 2_000 }));
    const folder = process.env.MAILWRIGHT_FAILURES;
    if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  } catch (error) {
    console.error(`the page does not answer: ${error}`);
  }
}

/** Gives a browser a session, as the page that asks for a token does. */
export async function signIn(context, { base, token }) {
  const answer = await context.request.post(`${base}/session`, { data: { token } });
  if (!answer.ok()) throw new Error(`signing in: ${answer.status()} ${await answer.text()}`);
}

/** Opens a page by what follows the hash: `/activity?status=deliveryFailed`. */
export async function open(page, { base }, path) {
  await page.goto(`${base}/#${path}`);
  await page.getByRole('main').waitFor();
}

/** Calls the API beside the browser, with the token; returns the `result`. `path` follows `/client/v4`. */
export async function api({ base, token }, method, path, body) {
  const headers = { authorization: `Bearer ${token}` };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const answer = await fetch(`${base}/client/v4${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text).result;
}

/** Fails with every violation that axe finds on a page, in light and in dark. */
export async function axe(page) {
  const source = await readFile(join(here, '../node_modules/axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    // Unlike a script element, this is not the page's own doing: its policy stays what it is.
    await page.evaluate(source);
    // A frame is other people's mail. Style sheets would be fetched once more.
    const options = { runOnly: RULES, resultTypes: ['violations'], iframes: false, preload: false };
    const { violations } = await page.evaluate((options) => window.axe.run(document, options), options);
    if (violations.length) throw new Error(`not accessible in ${colorScheme}, at ${page.url()}:\n${told(violations)}`);
  }
  await page.emulateMedia({ colorScheme: null });
}

function told(violations) {
  const node = ({ html, failureSummary }) => `  ${html}\n    ${failureSummary.replaceAll('\n', '\n    ')}`;
  return violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(node).join('\n')}`).join('\n');
}

/** Takes a picture for the documentation: `docs/pictures/NAME.png`, when MAILWRIGHT_PICTURES asks for it. */
export async function screenshot(page, picture) {
  if (!process.env.MAILWRIGHT_PICTURES) return;
  await page.screenshot({ path: join(here, '../../../docs/pictures', `${picture}.png`), animations: 'disabled' });
}
