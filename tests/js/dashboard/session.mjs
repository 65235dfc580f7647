// Somebody signs in with a token, sees the dashboard, and signs out again.

import assert from 'node:assert/strict';
import { journey } from './lib.mjs';

await journey(
  async ({ page, context, base, token, axe, screenshot }) => {
    await page.goto(base);
    const field = page.getByLabel('API token');
    await field.waitFor();
    await axe();
    await screenshot('sign-in');

    await field.fill('not-a-token');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();

    await field.fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation').first().waitFor();
    const [cookie] = await context.cookies();
    assert.equal(cookie.name, 'mailwright_session');
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict', JSON.stringify(cookie));
    assert.equal(await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]).includes('mailwright_session')), false);
    assert.equal(await page.evaluate((token) => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]).includes(token), token), false);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await field.waitFor();
    assert.deepEqual(await context.cookies(), []);
  },
  { signedIn: false, mayLog: [/ 401 .*\/session\)$/] },
);
