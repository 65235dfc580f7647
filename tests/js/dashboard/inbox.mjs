// The inbox of the sandbox that receives all mail.

import { journey, PHONE } from './lib.mjs';

/** Pictures that the mail would have fetched. */
const ELSEWHERE = /(tracker|pictures)\.example/;

await journey(
  async ({ page, open, axe, api, account, screenshot }) => {
    const dialog = page.getByRole('dialog');
    page.on('requestfinished', (request) => {
      if (ELSEWHERE.test(request.url())) throw new Error(`a picture was fetched from elsewhere: ${request.url()}`);
    });
    await open('/inbox');
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('link', { name: /Your receipt/ }).click();
    await page.getByRole('heading', { name: 'Your receipt' }).waitFor();

    // HTML is shown without what it would load, in a frame that may do nothing.
    const frame = page.frameLocator('iframe[title="The message as HTML"]');
    await frame.getByText('The receipt is attached.').waitFor();
    if ((await page.locator('iframe').getAttribute('sandbox')) !== '') throw new Error('the frame may do something');
    await page.getByText('All checks passed').waitFor();
    await axe();
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
      html: '<p>It came while somebody looked. <img src="http://pictures.example/a.png"></p>',
    });
    await page.getByRole('link', { name: /Just now/ }).click();
    await frame.getByText('It came while somebody looked.').waitFor();

    // What would be better otherwise is told with what to do about it.
    const check = page.getByRole('region', { name: 'Checks' }).getByRole('group').first();
    await check.locator('summary').click();
    await check.locator('p').waitFor();
    await axe();
    await screenshot('inbox');
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
  },
  // That it was refused: the browser says so of what the frame's policy keeps it from fetching.
  { mayLog: [ELSEWHERE] },
);
