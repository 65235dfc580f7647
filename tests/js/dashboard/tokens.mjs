// Tokens: made with what they may, rolled and taken away; limits; and the audit log, which tells all of it.

import { journey } from './lib.mjs';

await journey(async ({ page, open, axe, api, base, account, zone, screenshot }) => {
  const dialog = page.getByRole('dialog');
  const button = (name, within = page) => within.getByRole('button', { name, exact: true });
  const value = async () => {
    const shown = await dialog.locator('.secret code').textContent();
    await dialog.getByLabel('I have put it in a safe place').check();
    await button('Done', dialog).click();
    return shown;
  };
  const ask = (token, path) => fetch(`${base}/client/v4${path}`, { headers: { authorization: `Bearer ${token}` } });

  await api('PUT', `/accounts/${account}/email/sending/limits`, { account: { day: 50_000 }, recipient: { hour: 20 } });
  await open('/tokens');
  await page.getByRole('meter', { name: /the account, In a day/ }).waitFor();
  await axe();

  await button('New token').click();
  await dialog.getByLabel('Name').fill('the shop');
  await dialog.getByLabel('Change suppressions').check();
  await dialog.getByLabel('See suppressions').and(page.locator(':disabled')).waitFor();
  await dialog.getByLabel('All zones, those to come too').uncheck();
  await dialog.getByLabel('example.com').check();
  await dialog.getByLabel('Expires').selectOption('90');
  await axe();
  await screenshot('tokens');
  await button('Make the token', dialog).click();
  const first = await value();
  const [made] = (await api('GET', '/user/tokens')).filter(({ name }) => name === 'the shop');
  const [{ permission_groups: groups, resources }] = made.policies;
  if (groups.map(({ name }) => name).sort().join() !== 'send,suppression_edit') throw new Error(JSON.stringify(groups));
  if (!Object.keys(resources).join().endsWith(`zone.${zone}`) || !made.expires_on) throw new Error(JSON.stringify(made));
  if (!(await ask(first, '/user/tokens/verify')).ok) throw new Error('the value that was shown is not good');

  await button('Roll the shop').click();
  await dialog.getByLabel('The value before stays good').selectOption('0s');
  await button('Make a new value', dialog).click();
  const second = await value();
  if ((await ask(first, '/user/tokens/verify')).ok || !(await ask(second, '/user/tokens/verify')).ok) {
    throw new Error('not the new value is good, but the old one');
  }

  await button('Delete the shop').click();
  await dialog.getByLabel('Type the shop to go on').fill('the shop');
  await button('Delete it', dialog).click();
  await page.getByRole('row', { name: /the shop/ }).waitFor({ state: 'detached' });

  // Who changed what: all of that.
  await open('/audit');
  await page.getByRole('row', { name: /Removed the shop/ }).waitFor();
  await axe();
  await screenshot('audit');
  await page.getByLabel('Kind of object').selectOption('limits');
  await page.getByRole('row', { name: /the shop/ }).first().waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /^Details of the change/ }).first().click();
  await dialog.getByRole('row', { name: /account\.day.*50000/ }).waitFor();
  await axe();
});
