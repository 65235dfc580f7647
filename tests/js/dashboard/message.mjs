// The page of a message: its life, why it waits and what can be done, its contents, and what is not there.

import assert from 'node:assert/strict';
import { journey, PHONE } from './lib.mjs';

await journey(async ({ page, open, api, axe, screenshot, account }) => {
  const path = `/accounts/${account}/email`;
  const [waiting] = await api('GET', `${path}/sending/messages?recipient=defer@example.com`);
  const [taken] = await api('GET', `${path}/sending/messages?recipient=ann@example.net`);
  const [refused] = await api('GET', `${path}/sending/messages?recipient=bounce@example.org`);
  const [routed] = await api('GET', `${path}/routing/messages`);

  await open(`/messages/${taken.id}`);
  await page.getByRole('heading', { name: taken.subject }).waitFor();
  const timeline = page.getByRole('listitem');
  await timeline.filter({ hasText: 'Accepted' }).waitFor();
  await timeline.filter({ hasText: /Attempt 1 at .* took/ }).filter({ hasText: taken.reply }).waitFor();
  assert.equal(await page.getByRole('heading', { name: 'Why it waits' }).count(), 0);
  await page.getByRole('heading', { name: 'Contents' }).waitFor();
  await axe();

  await open(`/messages/${refused.id}`);
  await page.getByText('The address does not exist').waitFor();
  await page.getByText(refused.reply).first().waitFor();

  await open(`/messages/${waiting.id}`);
  await page.getByRole('heading', { name: 'Why it waits' }).waitFor();
  await page.getByText('It was put off and waits for its next attempt').waitFor();
  await timeline.filter({ hasText: 'Put off' }).first().waitFor();
  await axe();
  await screenshot('message');

  const frame = page.locator('iframe');
  assert.equal(await frame.getAttribute('sandbox'), '');
  await frame.contentFrame().getByRole('heading', { name: 'November' }).waitFor();
  await page.getByText('Aligned with its author').first().waitFor();
  const part = (name) => page.getByRole('tab', { name });
  await part('Text').click();
  await page.getByText('Three things are new.').waitFor();
  await part('Source').click();
  await page.getByRole('region', { name: 'Source' }).filter({ hasText: 'multipart/alternative' }).waitFor();
  await axe();
  await part('Headers').click();
  await page.getByText('DKIM-Signature').first().waitFor();
  await axe();
  await page.getByRole('button', { name: 'Try now' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Try now' }).click();
  await page.getByText('It is tried now.').waitFor();
  await page.getByRole('button', { name: 'Cancel delivery' }).click();
  await axe();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel delivery' }).click();
  await page.getByText('Delivery failed').first().waitFor();
  await timeline.filter({ hasText: 'Cancelled' }).first().waitFor();

  // Whichever way it went: an id is enough.
  await open(`/messages/${routed.id}`);
  await page.getByRole('heading', { name: routed.subject }).waitFor();
  await page.getByText('DMARC', { exact: true }).waitFor();
  await timeline.filter({ hasText: 'Forwarded' }).waitFor();
  await axe();

  await open('/messages/0000000000000a');
  await page.getByText('There is no message 0000000000000a').waitFor();

  await page.setViewportSize(PHONE);
  await open(`/messages/${taken.id}`);
  await page.getByRole('heading', { name: taken.subject }).waitFor();
  const [room, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(room <= screen, `${room} pixels on a screen of ${screen}`);
}, { mayLog: [/ 404 .*\/(content|messages\/[0-9a-f]+|why)\)/] });
