// The activity log: search, filters, pages, a file of it, and what happens as it happens.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { journey, PHONE } from './lib.mjs';

/** More than a page. */
const MANY = 60;

await journey(async ({ page, open, api, axe, screenshot, account }) => {
  const path = `/accounts/${account}/email/sending`;
  const rows = page.locator('tbody tr');
  const shown = (count) => page.waitForFunction((count) => document.querySelectorAll('tbody tr').length === count, count);
  const send = (subject, to) =>
    api('POST', `${path}/send`, { from: 'news@example.com', to, subject, text: 'Hello.' });
  const lines = await api('GET', `${path}/messages`);
  const failed = lines.filter(({ status }) => status === 'deliveryFailed').length;

  await open('/activity');
  await shown(lines.length);
  await axe();
  await screenshot('activity');

  const search = page.getByRole('searchbox', { name: 'Search' });
  await search.fill('ann@example.net');
  await page.getByText('Recipient: ann@example.net').waitFor();
  await search.press('Enter');
  await shown(1);
  assert.match(page.url(), /recipient=ann%40example.net/);
  await page.getByRole('button', { name: /^Recipient: ann@example.net/ }).click();
  await shown(lines.length);

  await page.getByLabel('Status', { exact: true }).selectOption('deliveryFailed');
  await shown(failed);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as CSV' }).click()]);
  const csv = (await readFile(await file.path(), 'utf8')).trimEnd().split('\r\n');
  assert.match(csv[0], /^accepted_at,updated_at,status,/);
  assert.equal(csv.length, failed + 1);
  await page.goBack();
  await shown(lines.length);

  const hostile = '<img src=x onerror="document.title=1"> =1+1';
  const one = { from: 'news@example.com', to: 'many@example.net', subject: hostile, text: 'Hello.' };
  await api('POST', `${path}/send/batch`, { messages: Array.from({ length: MANY }, () => one) });
  await open('/activity?recipient=many%40example.net&status=delivered');
  await shown(50);
  assert.equal(await rows.first().getByText(hostile).count(), 1);
  await page.getByRole('button', { name: 'Next page' }).click();
  await shown(MANY - 50);
  await page.getByRole('link', { name: 'Newest' }).click();
  await shown(50);

  await open('/activity');
  await page.getByRole('button', { name: 'Live' }).click();
  await page.getByText('Live', { exact: true }).nth(1).waitFor();
  await send('While you look', 'live@example.net');
  await page.getByRole('link', { name: 'While you look' }).first().waitFor();
  await axe();
  await page.getByRole('button', { name: 'Pause' }).click();
  await send('While it pauses', 'live@example.net');
  await page.getByRole('button', { name: /^Go on \([1-9]/ }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'While it pauses' }).count(), 0);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('link', { name: 'While it pauses' }).first().waitFor();
  await page.getByRole('button', { name: 'Only trouble' }).click();
  await page.getByText('Nothing has happened yet').waitFor();
  await page.getByText('Live', { exact: true }).nth(1).waitFor();
  await send('Fine', 'live@example.net');
  await send('In trouble', 'bounce@example.net');
  await page.getByRole('link', { name: 'In trouble' }).first().waitFor();
  assert.equal(await page.getByRole('link', { name: 'Fine' }).count(), 0);
  await page.getByRole('link', { name: 'In trouble' }).first().click();
  await page.getByRole('heading', { name: 'In trouble' }).waitFor();

  await open('/activity?mail=routing');
  await shown(1);
  await page.getByRole('button', { name: 'More filters' }).click();
  await page.getByLabel('DMARC').selectOption('fail');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByText('Nothing matches').waitFor();
  await axe();

  await page.setViewportSize(PHONE);
  await open('/activity');
  await page.getByRole('table').waitFor();
  const [room, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(room <= screen, `${room} pixels on a screen of ${screen}`);
}, { mayLog: [/ 404 .*\/(content|messages\/[0-9a-f]+)\)/] });
