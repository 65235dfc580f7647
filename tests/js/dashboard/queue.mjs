// The queue as operators see and steer it.

import { journey, PHONE } from './lib.mjs';

await journey(async ({ page, open, axe, api, screenshot }) => {
  const status = (text) => page.getByRole('status').filter({ hasText: text }).first().waitFor();
  const dialog = page.getByRole('dialog');
  const button = (name, within = page) => within.getByRole('button', { name, exact: true });

  await open('/queue');
  const row = page.getByRole('row', { name: /example\.org/ });
  await row.waitFor();
  await axe();
  await screenshot('queue');

  // A domain: what waits, why, and the last reply.
  await row.getByRole('link', { name: 'example.org', exact: true }).click();
  await page.getByRole('heading', { name: 'example.org', level: 1 }).waitFor();
  await page.getByText(/452 4\.2\.2/).first().waitFor();
  await axe();
  await page.getByRole('button', { name: /^Why .* waits$/ }).first().click();
  await dialog.getByText('Held by').waitFor();
  await axe();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });

  // Suspended, it says so; then it goes on.
  await button('Suspend …').click();
  await dialog.getByLabel('For how long').selectOption('6h');
  await dialog.getByLabel('Why').fill('they asked us to wait');
  await axe();
  await button('Suspend', dialog).click();
  await status('example.org is suspended for 6h.');
  await page.getByText(/they asked us to wait/).first().waitFor();
  const [suspension] = await api('GET', '/delivery/suspensions');
  if (suspension?.scope !== 'domain:example.org') throw new Error(`not suspended: ${JSON.stringify(suspension)}`);
  await open('/queue?tab=suspensions');
  await button('Resume domain:example.org').click();
  await button('Resume', dialog).click();
  await status('example.org is no longer suspended.');
  await page.getByText('Nothing is suspended').waitFor();
  await axe();

  // The other tabs, by the arrow keys.
  await page.getByRole('tab', { name: 'Domains' }).click();
  for (const tab of ['Sites', 'Sources']) {
    await page.keyboard.press('ArrowRight');
    await page.getByRole('tab', { name: tab, selected: true }).waitFor();
    await page.getByRole('table').waitFor();
    await axe();
  }

  // Entries, chosen and tried again; the dialog counts before anything is done.
  await page.getByRole('tab', { name: 'Entries' }).click();
  await page.getByRole('checkbox', { name: /to example\.org$/ }).check();
  await button('Retry now …').click();
  await dialog.locator('[data-touched="1"]').waitFor();
  await axe();
  await button('Try again now', dialog).click();
  await status(/1 entry to be tried now\.|being delivered at that moment/);

  // Mail of a filter is cancelled: it is counted, and the word has to be typed.
  await page.getByRole('searchbox', { name: 'Domain' }).fill('example.com');
  await page.getByRole('row', { name: /example\.org/ }).waitFor({ state: 'detached' });
  await button('Cancel these …').click();
  await dialog.locator('[data-touched="1"]').waitFor();
  if (await button('Cancel mail', dialog).isEnabled()) throw new Error('mail can be cancelled by a slip');
  await dialog.getByLabel('Type cancel to go on').fill('cancel');
  await button('Cancel mail', dialog).click();
  await status(/1 entry cancelled/);
  await page.getByText('Nothing matches').waitFor();
  const left = await api('GET', '/delivery/queue?domain=example.com');
  if (left.totals.entries !== 0) throw new Error('it is still there');

  await page.setViewportSize(PHONE);
  await open('/queue');
  await page.getByRole('link', { name: 'example.org', exact: true }).waitFor();
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  if (wide > seen) throw new Error(`the page is ${wide} wide on a screen of ${seen}`);
  await axe();
});
