// Somebody sets up where mail goes: a destination, rules, the catch-all, and asks what would become of mail.

import assert from 'node:assert/strict';
import { journey } from './lib.mjs';
import { fitsPhone, row, tab } from './pages.mjs';

await journey(async ({ page, zone, api, open, axe, screenshot }) => {
  const dialog = page.getByRole('dialog');
  const address = page.getByRole('button', { name: 'What would happen' });
  const tried = async (to) => {
    await page.getByLabel('Mail to').fill(to);
    await address.click();
    return page.getByRole('status').filter({ hasText: to });
  };

  // A destination, for whose owner an operator speaks.
  await open('/routing');
  await row(page, 'example.com').waitFor();
  await axe();
  await tab(page, 'Destinations');
  await page.getByRole('button', { name: 'Add address' }).click();
  await dialog.getByLabel('Address').fill('team@example.org');
  await dialog.getByRole('button', { name: 'Send the link' }).click();
  const team = row(page, 'team@example.org');
  await team.getByText('Waits for its owner').waitFor();
  await axe();

  // A rule for it waits, and mail goes to the catch-all until then.
  await open('/routing/example.com');
  await page.getByRole('button', { name: 'Add rule' }).click();
  await dialog.getByLabel('Mail to').fill('sales@example.com');
  await dialog.getByLabel('Destination').selectOption('team@example.org');
  await dialog.getByText('waits until the owner').waitFor();
  await dialog.getByLabel('Name').fill('<i>Sales</i>');
  await axe();
  await dialog.getByRole('button', { name: 'Add rule' }).click();
  await row(page, 'sales@example.com').getByText('Waits for its destination').waitFor();
  await (await tried('sales@example.com')).getByText('the catch-all').waitFor();
  await open('/routing?tab=destinations');
  await team.getByRole('button', { name: 'Verify team@example.org' }).click();
  await team.getByText('Verified', { exact: true }).waitFor();

  await open('/routing/example.com?tab=settings');
  await page.getByLabel('Subaddresses').check();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Save', disabled: true }).waitFor();
  await axe();
  await tab(page, 'Rules');
  await row(page, 'sales@example.com').getByText('Active').waitFor();
  const outcome = await tried('sales+eu@example.com');
  await outcome.getByText('Forward to team@example.org').waitFor();
  await outcome.getByText('“eu” was left out').waitFor();
  await screenshot('routing-rules');
  await axe();
  await fitsPhone(page);

  // Nothing is left but refusals.
  await page.getByRole('button', { name: 'Change the catch-all' }).click();
  await dialog.getByLabel('Take mail that no rule takes').uncheck();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Mail that no rule takes is refused').waitFor();
  await (await tried('nobody@example.com')).getByText('is refused.').waitFor();
  await page.getByRole('button', { name: 'Disable the rule for sales@example.com' }).click();
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await row(page, 'sales@example.com').getByText('Disabled').waitFor();
  await page.getByRole('button', { name: 'Remove the rule for sales@example.com' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('No rules yet').waitFor();
  const rules = await api('GET', `/zones/${zone}/email/routing/rules`);
  assert.deepEqual(rules.map(({ enabled }) => enabled), [false], 'the catch-all alone');

  await tab(page, 'DNS records');
  await page.getByRole('table', { name: 'DNS records of example.com' }).waitFor();
  await page.getByRole('button', { name: 'Unlock' }).click();
  await dialog.getByRole('button', { name: 'Unlock' }).click();
  await page.getByText('Unlocked: changes are left alone').waitFor();
  await axe();
  await fitsPhone(page);
});
