// Somebody adds a domain, sees what to publish, copies it, sends a first mail, sees what receivers see, and takes it away.

import assert from 'node:assert/strict';
import { journey } from './lib.mjs';
import { fitsPhone, row, tab } from './pages.mjs';

await journey(async ({ page, context, account, api, open, axe, screenshot }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open('/domains');
  await row(page, 'example.com').waitFor();
  await axe();

  // A new one, from nothing to its records.
  await page.getByRole('button', { name: 'Add domain' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Domain').fill('not a domain');
  await dialog.getByRole('button', { name: 'Add domain' }).click();
  await dialog.getByRole('alert').waitFor();
  await dialog.getByLabel('Domain').fill('shop.example');
  await axe();
  await dialog.getByRole('button', { name: 'Add domain' }).click();
  await page.getByRole('heading', { level: 1, name: 'shop.example' }).waitFor();
  await page.getByRole('button', { name: 'Check now' }).click();
  const records = page.getByRole('table', { name: 'DNS records of shop.example' });
  await records.waitFor();
  assert.equal(await records.getByText(/^(Found|Missing|Wrong|Not known)$/).count(), await records.getByRole('row').count() - 1);
  await records.getByRole('button', { name: 'Copy the value of the TXT record at _dmarc.shop.example' }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^v=DMARC1;/);
  assert.ok(await page.getByRole('button', { name: 'Send a test mail' }).isDisabled(), 'nothing is sent before it is verified');
  await axe();
  await fitsPhone(page);
  await screenshot('domains-records');

  // One that may send does.
  await open('/domains/example.com');
  await page.getByRole('button', { name: 'Send a test mail' }).click();
  await dialog.getByLabel('To').fill('ann@example.net');
  await dialog.getByRole('button', { name: 'Send', exact: true }).click();
  await dialog.getByText(/Delivered|on its way/).waitFor();
  await axe();
  await dialog.getByRole('button', { name: 'Close' }).last().click();

  // Its settings, and a second sending domain.
  await page.getByLabel('Keep the beginning of messages').check();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const zones = await api('GET', `/zones?account.id=${account}`);
  const zone = zones.find(({ name }) => name === 'example.com').id;
  const domains = () => api('GET', `/zones/${zone}/email/sending/subdomains`);
  await page.getByRole('button', { name: 'Save', exact: true, disabled: true }).waitFor();
  assert.equal((await domains())[0].preview_enabled, true);
  await page.getByRole('button', { name: 'Add another sending domain' }).click();
  await dialog.getByLabel('Domain').fill('news.example.com');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('table', { name: 'DKIM keys of news.example.com' }).waitFor();
  await page.getByRole('button', { name: 'Disable', exact: true }).click();
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('button', { name: 'Enable', exact: true }).waitFor();
  assert.equal((await domains()).find(({ name }) => name === 'news.example.com').enabled, false);

  // What receivers see, and what they report.
  await tab(page, 'Doctor');
  await page.getByRole('heading', { name: 'How receivers see it' }).waitFor();
  await axe();
  await tab(page, 'Reports');
  await page.getByLabel('Take DMARC and TLS reports on this zone').click();
  await page.getByText(/rua=mailto:/).waitFor();
  await axe();
  await fitsPhone(page);

  // The end of the new one has to be meant.
  await open('/domains/shop.example?tab=settings');
  await page.getByRole('button', { name: 'Remove shop.example from this account' }).click();
  const remove = dialog.getByRole('button', { name: 'Remove the zone' });
  assert.ok(await remove.isDisabled());
  await dialog.getByLabel('Type shop.example to go on').fill('shop.example');
  await axe();
  await remove.click();
  await row(page, 'example.com').waitFor();
  assert.deepEqual((await api('GET', `/zones?account.id=${account}`)).map(({ name }) => name), ['example.com']);
}, { mayLog: [/ 400 .*\/client\/v4\/zones\)$/] });
