// Accounts, for who operates the server.

import { journey } from './lib.mjs';

await journey(
  async ({ page, open, axe, api }) => {
    const dialog = page.getByRole('dialog');
    const button = (name, within = page) => within.getByRole('button', { name, exact: true });

    await open('/accounts');
    await button('New account').click();
    await dialog.getByLabel('Name').fill('Example Shop');
    await button('Make the account', dialog).click();
    await page.getByRole('status').filter({ hasText: 'Example Shop is there.' }).waitFor();
    await axe();
    const [made] = (await api('GET', '/accounts')).filter(({ name }) => name === 'Example Shop');

    await button('Limits of Example Shop').click();
    await dialog.getByRole('group', { name: 'All that it sends' }).getByLabel('in a day').fill('500');
    await dialog.getByLabel('Ramp').fill('100, x');
    await dialog.getByText(/Numbers above 0/).waitFor();
    await dialog.getByLabel('Ramp').fill('100, 200');
    await axe();
    await button('Set', dialog).click();
    await dialog.waitFor({ state: 'detached' });
    const { account, ramp } = await api('GET', `/accounts/${made.id}/email/sending/limits`);
    if (account.day.limit !== 500 || ramp.quotas.join() !== '100,200') throw new Error(JSON.stringify({ account, ramp }));

    await button('Rename Example Shop').click();
    await dialog.getByLabel('Name').fill('Example Store');
    await button('Rename', dialog).click();
    await button('Delete Example Store').click();
    await dialog.getByLabel('Type Example Store to go on').fill('Example Store');
    await button('Delete it', dialog).click();
    await button('Delete Example Store').waitFor({ state: 'detached' });

    // One with zones stays, and the server says why.
    await page.getByRole('button', { name: /^Delete / }).first().click();
    const typed = dialog.getByLabel(/^Type .* to go on$/);
    await typed.fill((await dialog.getByText(/^Type .* to go on$/).textContent()).replace(/^Type (.*) to go on$/, '$1'));
    await button('Delete it', dialog).click();
    await dialog.getByRole('alert').filter({ hasText: 'remove them first' }).waitFor();
    await axe();
  },
  { mayLog: [/ 4\d\d .*\/accounts\//] },
);
