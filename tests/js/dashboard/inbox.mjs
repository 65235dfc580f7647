// The inbox of the sandbox that receives all mail.

import { journey, PHONE } from './lib.mjs';

await journey(async ({ page, open, axe, api, account, screenshot }) => {
  const dialog = page.getByRole('dialog');
  await open('/inbox');
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('link', { name: /Your receipt/ }).click();
  await page.getByRole('heading', { name: 'Your receipt' }).waitFor();

  // HTML is shown without what it would load, in a frame that may do nothing.
  const frame = page.frameLocator('iframe[title="The message as HTML"]');
  await frame.getByText('The receipt is attached.').waitFor();
  if ((await page.locator('iframe').getAttribute('sandbox')) !== '') throw new Error('the frame may do something');
  await page.getByRole('region', { name: 'Checks' }).waitFor();
  await axe();
  await screenshot('inbox');
  await page.getByRole('tab', { name: /Headers/ }).click();
  await page.getByText('DKIM-Signature').first().waitFor();
  await page.getByRole('tab', { name: 'Source' }).click();
  await page.getByText('filename="receipt.pdf"').first().waitFor();
  await page.getByRole('tab', { name: /Attachments/ }).click();
  await page.getByRole('row', { name: /receipt\.pdf/ }).getByRole('link', { name: 'Download' }).waitFor();
  await axe();

  // What arrives appears by itself.
  await api('POST', `/accounts/${account}/email/sending/send`, {
    from: 'shop@example.com',
    to: 'eve@example.net',
    subject: 'Just now',
    text: 'It came while somebody looked.',
  });
  await page.getByRole('link', { name: /Just now/ }).click();
  await page.getByText('It came while somebody looked.').waitFor();
  await page.getByRole('link', { name: 'What became of it' }).waitFor();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('link', { name: /Just now/ }).waitFor({ state: 'detached' });

  await page.getByRole('searchbox', { name: /Sender, recipient/ }).fill('receipt');
  await page.getByRole('link', { name: /November/ }).first().waitFor({ state: 'detached' });
  await page.setViewportSize(PHONE);
  await page.getByRole('link', { name: /Your receipt/ }).click();
  await page.getByRole('link', { name: 'All messages' }).waitFor();
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  if (wide > seen) throw new Error(`the page is ${wide} wide on a screen of ${seen}`);
  await axe();
  await page.getByRole('link', { name: 'All messages' }).click();

  await page.getByRole('button', { name: 'Delete all …' }).click();
  await dialog.getByRole('button', { name: 'Delete them' }).click();
  await page.getByText('No mail yet').waitFor();
  await axe();
});
