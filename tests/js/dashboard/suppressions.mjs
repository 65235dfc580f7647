// Somebody suppresses one address and many, finds, changes and removes them, and saves all as a file.

import assert from 'node:assert/strict';
import { journey } from './lib.mjs';
import { fitsPhone, row, saved } from './pages.mjs';

await journey(async ({ page, account, api, open, axe, screenshot }) => {
  const listed = async (search) => api('GET', `/accounts/${account}/email/sending/suppressions?search=${search}`);
  await open('/suppressions');
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Add address' }).click();
  await dialog.getByLabel('Address').fill('ann@elsewhere.example');
  await dialog.getByLabel('Applies to').selectOption('sending_domain');
  await dialog.getByLabel('Sending domain').fill('example.com');
  await dialog.getByLabel('Note').fill('<b>asked</b> by phone');
  await axe();
  await dialog.getByRole('button', { name: 'Suppress' }).click();
  await row(page, 'ann@elsewhere.example').getByText('<b>asked</b> by phone').waitFor();
  await axe();

  // Many, one of which is none.
  await page.getByRole('button', { name: 'Add many' }).click();
  await dialog.getByLabel('Addresses', { exact: true }).fill('email,note\nbob@many.example,left\nnobody\nBOB@many.example,again\n=cmd@many.example,');
  await dialog.getByRole('button', { name: 'Suppress 4' }).click();
  const lines = dialog.getByRole('table', { name: 'What became of each line' });
  await lines.waitFor();
  const said = await lines.getByRole('row').allInnerTexts();
  assert.deepEqual(said.slice(1).map((line) => line.split('\t').slice(0, 3).map((cell) => cell.trim())), [
    ['3', 'nobody', 'Not valid'],
    ['2', 'bob@many.example', 'Suppressed'],
    ['4', 'BOB@many.example', 'Repeated'],
    ['5', '=cmd@many.example', 'Suppressed'],
  ]);
  await axe();
  await dialog.getByRole('button', { name: 'Done' }).click();
  assert.equal((await listed('bob@many.example'))[0].note, 'left');
  const file = await saved(page, () => page.getByRole('button', { name: 'Export CSV' }).click());
  assert.match(file, /^email,reason,scope,/);
  assert.match(file, /\r\nann@elsewhere\.example,manual,sending_domain,example\.com,/);
  assert.match(file, /\r\n'=cmd@many\.example,/, 'no formula');
  await screenshot('suppressions');

  // Found by how it begins, given an end, and removed.
  await page.getByLabel('Search').fill('bob@');
  await row(page, 'ann@elsewhere.example').waitFor({ state: 'detached' });
  assert.match(page.url(), /search=bob/);
  await page.getByRole('button', { name: 'Edit bob@many.example' }).click();
  await dialog.getByLabel('Ends').fill('2199-01-01T00:00');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await row(page, 'bob@many.example').getByText(/^in /).waitFor();
  assert.equal((await listed('bob@many.example'))[0].expires_at.slice(0, 10), '2199-01-01');
  await page.getByRole('button', { name: 'Remove bob@many.example' }).click();
  await axe();
  await dialog.getByRole('button', { name: 'Remove the suppression' }).click();
  await page.getByText('Nothing on this page matches').waitFor();
  assert.deepEqual(await listed('bob@many.example'), []);
  await page.getByRole('button', { name: 'Clear' }).click();
  await row(page, 'ann@elsewhere.example').waitFor();
  await fitsPhone(page);
});
