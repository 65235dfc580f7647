// Why mail goes as fast as it does.

import { journey } from './lib.mjs';

await journey(
  async ({ page, open, axe, screenshot }) => {
    await open('/shaping');
    await page.getByText('Name a domain').waitFor();
    await page.getByRole('searchbox', { name: 'Domain' }).fill('gmail.com');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByRole('row', { name: /^connections / }).getByText('provider.google').waitFor();
    await page.getByText('google-unusual-rate', { exact: true }).waitFor();
    await axe();
    await screenshot('shaping');
    await page.getByLabel('Built-in ones too').uncheck();
    await page.getByRole('row', { name: /^adaptive / }).waitFor({ state: 'detached' });

    await page.getByRole('button', { name: 'Read the file again' }).click();
    await page.getByText('The file is valid and in force.').waitFor();

    for (const tab of ['Acting now', 'Automatic actions']) {
      await page.getByRole('tab', { name: tab }).click();
      await page.getByRole('tabpanel', { name: tab }).getByText(/No rule acts now|did nothing by itself|Because|What holds/).first().waitFor();
      await axe();
    }

    await page.getByRole('tab', { name: 'Try a file' }).click();
    const file = page.getByLabel('A shaping file');
    await file.fill('[default]\nconnections = "many"');
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByRole('alert').filter({ hasText: /connections|line/ }).waitFor();
    await file.fill('[default]\nconnections = 1');
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByRole('heading', { name: 'By site' }).waitFor();
    await axe();
  },
  { mayLog: [/400 .*shaping\/replay/] },
);
