// Somebody looks at code that has mail: hears it live, rolls it back, and sees what it keeps.

import assert from 'node:assert/strict';
import { journey } from './lib.mjs';
import { fitsPhone, row, tab } from './pages.mjs';

const code = (greeting) => `export default {
  async email(message, env) {
    console.log("${greeting}", message.headers.get("subject"));
    await env.SEEN.put("from/" + message.from, "<b>" + message.from + "</b>", { metadata: { to: message.to } });
    await env.JOBS.send("later");
    if (message.headers.get("subject").includes("trouble")) throw new TypeError("no such luck");
  },
};`;

await journey(async ({ page, base, token, account, zone, api, open, axe, screenshot }) => {
  const dialog = page.getByRole('dialog');
  const of = `/accounts/${account}`;
  const { id: namespace } = await api('POST', `${of}/storage/kv/namespaces`, { title: 'seen' });
  await api('POST', `${of}/queues`, { queue_name: 'jobs' });
  const upload = async (greeting) => {
    const form = new FormData();
    const bindings = [
      { type: 'kv_namespace', name: 'SEEN', namespace_id: namespace },
      { type: 'queue', name: 'JOBS', queue_name: 'jobs' },
    ];
    form.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-01-01', bindings, keep_bindings: ['secret_text'] }));
    form.set('index.js', new File([code(greeting)], 'index.js', { type: 'application/javascript+module' }));
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${base}/client/v4${of}/workers/scripts/sorter`, { method: 'PUT', headers, body: form });
    assert.equal(answer.status, 200, await answer.text());
  };
  await upload('first');
  await upload('second');
  const matchers = [{ type: 'literal', field: 'to', value: 'code@example.com' }];
  await api('POST', `/zones/${zone}/email/routing/rules`, { matchers, actions: [{ type: 'worker', value: ['sorter'] }] });

  await open('/workers');
  await row(page, 'code@example.com').getByRole('link', { name: 'sorter' }).waitFor();
  await axe();
  await row(page, 'code@example.com').getByRole('link').click();
  await page.getByRole('table', { name: 'What sorter may use' }).waitFor();
  await axe();

  // What it says, as it says it.
  await tab(page, 'Live logs');
  await page.getByText('Live', { exact: true }).waitFor();
  const hand = async (subject) => {
    await page.getByLabel('Subject').fill(subject);
    await page.getByRole('button', { name: 'Hand it in' }).click();
  };
  const runs = page.getByRole('list', { name: 'Events of sorter, the newest first' });
  await hand('<b>bold</b>');
  await runs.getByText('second <b>bold</b>').waitFor();
  await hand('trouble');
  await runs.getByText('TypeError: no such luck').waitFor();
  await axe();
  await fitsPhone(page);
  await screenshot('workers-logs');
  await page.getByLabel('Outcome').selectOption('failed');
  await runs.getByText('second <b>bold</b>').waitFor({ state: 'detached' });
  await page.getByLabel('Outcome').selectOption('');

  // Back to the version before, which is heard.
  await tab(page, 'Versions');
  await page.getByRole('button', { name: 'Roll back to version 1' }).click();
  await dialog.getByRole('button', { name: 'Run version 1' }).click();
  await row(page, 'Version 1 again').waitFor();
  await axe();
  const tails = async () => (await api('GET', `${of}/workers/scripts/sorter/tails`)).length;
  for (let turn = 0; (await tails()) > 0; turn += 1) {
    assert.ok(turn < 100, 'the tail outlives its page');
    await page.waitForTimeout(100);
  }

  // A secret is never shown again.
  await tab(page, 'Secrets');
  await page.getByRole('button', { name: 'Set secret' }).click();
  await dialog.getByLabel('Name in env').fill('API_KEY');
  await dialog.getByLabel('Value').fill('hush-hush');
  await axe();
  await dialog.getByRole('button', { name: 'Set', exact: true }).click();
  await row(page, 'API_KEY').getByText('never shown').waitFor();
  assert.ok(!(await page.content()).includes('hush-hush'));

  // What it keeps.
  await open('/workers?tab=queues');
  await row(page, 'jobs').getByText('Nobody handles it').waitFor();
  await page.getByRole('button', { name: 'Pause jobs' }).click();
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await row(page, 'jobs').getByText('Paused').waitFor();
  await axe();
  await page.getByRole('button', { name: 'Empty jobs' }).click();
  await dialog.getByLabel('Type jobs to go on').fill('jobs');
  await dialog.getByRole('button', { name: 'Throw all away' }).click();
  await row(page, 'jobs').getByRole('cell', { name: '0', exact: true }).waitFor();
  await tab(page, 'KV');
  await page.getByRole('link', { name: 'seen' }).click();
  await page.getByRole('button', { name: 'from/sender@example.org', exact: true }).click();
  await dialog.getByText('<b>sender@example.org</b>').waitFor();
  await axe();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Remove the key from/sender@example.org' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Nothing is kept here').waitFor();
  await fitsPhone(page);
});
