// Webhooks: made, tried, replayed, given another secret and taken away.

import { journey } from './lib.mjs';

/** Nothing is called there: it is told of complaints only, and there are none. */
const ADDRESS = 'https://9.9.9.9/hooks/mail';

await journey(
  async ({ page, open, axe, api, account, screenshot }) => {
    const path = `/accounts/${account}/email/sending/webhooks`;
    const dialog = page.getByRole('dialog');
    const button = (name, within = page) => within.getByRole('button', { name, exact: true });

    await open('/webhooks');
    await page.getByText('No webhooks yet').waitFor();
    await page.getByRole('tab', { name: 'Go', exact: true }).click();
    await page.getByText('hmac.New(sha256.New, key)').waitFor();
    await axe();

    // What the server refuses is told in its words.
    await button('New webhook').click();
    await dialog.getByLabel('Address').fill('https://127.0.0.1/hook');
    await dialog.getByLabel('Name').fill('app');
    await dialog.getByLabel('Everything, what is new later too').uncheck();
    await dialog.getByLabel('message.complained').check();
    await axe();
    await button('Make the webhook', dialog).click();
    await dialog.getByRole('alert').filter({ hasText: 'webhooks.private_hosts' }).waitFor();
    await dialog.getByLabel('Address').fill(ADDRESS);
    await button('Make the webhook', dialog).click();

    // The secret is shown once.
    const secret = await dialog.locator('code', { hasText: /^whsec_/ }).textContent();
    await axe();
    if (await button('Done', dialog).isEnabled()) throw new Error('a secret is closed by a slip');
    await dialog.getByLabel('I have put it in a safe place').check();
    await button('Done', dialog).click();
    await page.getByRole('link', { name: 'app', exact: true }).click();
    await page.getByRole('heading', { name: 'app', level: 1 }).waitFor();
    const [made] = await api('GET', path);
    if (made.url !== ADDRESS || made.events.join() !== 'message.complained') throw new Error(JSON.stringify(made));

    // Its calls, as a server elsewhere would have answered them.
    const call = (fields) => ({
      ...{ at: new Date().toISOString(), webhook_id: 'msg_1', events: 3, delivered: true, status: 200, error: null },
      ...{ response: 'ok', duration_ms: 38, ...fields },
    });
    const calls = [call({}), call({ webhook_id: 'msg_2', delivered: false, status: 503, error: 'it answered 503', response: '<b>busy</b>' })];
    const answer = (result) => ({ json: { success: true, errors: [], messages: [], result } });
    await page.route('**/attempts?*', (route) => route.fulfill(answer(calls)));
    await page.route('**/test', (route) => route.fulfill(answer(call({ events: 0, webhook_id: 'msg_3' }))));
    await page.reload();
    await page.getByRole('button', { name: 'Details of the call msg_2' }).click();
    await dialog.getByText('<b>busy</b>').waitFor();
    await axe();
    await page.keyboard.press('Escape');
    await button('Send a test').click();
    await dialog.getByText('webhook.test').waitFor();
    await page.keyboard.press('Escape');
    await axe();
    await screenshot('webhooks');

    await button('Pause').click();
    await page.getByText('It was switched off.').waitFor();
    await button('Resume').click();
    await button('Pause').waitFor();

    await button('Replay …').click();
    await button('Replay', dialog).click();
    await dialog.getByText('Nothing happened in that time.').waitFor();
    await axe();
    await button('Close', dialog).last().click();

    await button('Rotate secret …').click();
    await button('Make a new secret', dialog).click();
    const another = await dialog.locator('code', { hasText: /^whsec_/ }).textContent();
    if (another === secret) throw new Error('the secret is the same');
    await dialog.getByLabel('I have put it in a safe place').check();
    await button('Done', dialog).click();
    await page.getByText(/signs on until/).waitFor();

    await button('Delete …').click();
    await dialog.getByLabel('Type app to go on').fill('app');
    await button('Delete it', dialog).click();
    await page.getByText('No webhooks yet').waitFor();
    if ((await api('GET', path)).length) throw new Error('it is still there');
  },
  { mayLog: [/400 .*\/webhooks/] },
);
