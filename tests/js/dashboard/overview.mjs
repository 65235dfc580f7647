// The overview: figures that are those of the log, charts by keyboard and as tables, the window that goes along.

import assert from 'node:assert/strict';
import { journey, PHONE } from './lib.mjs';

await journey(async ({ page, open, api, axe, screenshot, account }) => {
  const lines = await api('GET', `/accounts/${account}/email/sending/messages?per_page=1000`);
  const many = (status) => lines.filter((line) => line.status === status).length;
  const figure = (count, name) => page.getByRole('link', { name: new RegExp(`^${count} ?${name}:`) });

  await open('/');
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await figure(lines.length, 'Sent').waitFor();
  await figure(many('delivered'), 'Delivered').waitFor();
  await figure(many('deliveryFailed'), 'Bounced').waitFor();
  await page.getByText('Too few to judge').first().waitFor();

  const chart = page.getByRole('slider', { name: /^What became of mail/ });
  await chart.focus();
  await page.keyboard.press('Home');
  assert.match(await chart.getAttribute('aria-valuetext'), /Delivered 0/);
  await page.keyboard.press('ArrowRight');
  assert.equal(await chart.getAttribute('aria-valuenow'), '1');
  const legend = page.getByRole('group', { name: 'Shown in the chart' }).first();
  await legend.getByRole('button', { name: 'Delivered' }).click();
  await chart.focus();
  await page.keyboard.press('End');
  assert.doesNotMatch(await chart.getAttribute('aria-valuetext'), /Delivered/);
  await legend.getByRole('button', { name: 'Delivered' }).click();
  await axe();
  await screenshot('overview');

  await page.getByRole('button', { name: 'What became of mail as a table' }).click();
  const table = page.getByRole('table', { name: 'What became of mail' });
  const delivered = await table.locator('td[data-name="Delivered"]').allInnerTexts();
  assert.equal(delivered.reduce((sum, text) => sum + Number(text), 0), many('delivered'));
  await page.getByRole('button', { name: 'What became of mail as a table' }).click();

  await page.getByLabel('Time', { exact: true }).selectOption('7d');
  await page.waitForURL(/window=7d/);
  await figure(lines.length, 'Sent').waitFor();
  await figure(many('deliveryFailed'), 'Bounced').click();
  await page.getByRole('heading', { name: 'Activity log' }).waitFor();
  assert.match(page.url(), /window=7d/);
  assert.match(page.url(), /status=deliveryFailed/);
  await page.getByRole('table').waitFor();
  assert.equal(await page.locator('tbody tr').count(), many('deliveryFailed'));

  await open('/');
  await page.getByRole('tab', { name: 'Routing' }).click();
  await figure(1, 'Came').waitFor();
  await figure(1, 'Forwarded').waitFor();
  await axe();

  await page.setViewportSize(PHONE);
  await open('/');
  await figure(lines.length, 'Sent').waitFor();
  const [room, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(room <= screen, `${room} pixels on a screen of ${screen}`);
});
