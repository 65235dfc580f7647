// The documentation in a browser: every page is accessible, the search finds, the API reference answers.

import { DESK, PHONE, journey } from './lib.mjs';

await journey(
  async ({ page, base, token, account, axe }) => {
    await page.goto(`${base}/docs`);
    const links = page.getByRole('navigation', { name: 'All pages' }).getByRole('link');
    const pages = await links.evaluateAll((all) => all.map((link) => link.getAttribute('href')));

    await page.getByRole('searchbox').or(page.getByRole('combobox')).fill('suppressions bounces');
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/docs\/./);
    const found = new URL(page.url()).pathname;

    for (const path of ['/docs', '/docs/concepts', '/docs/metrics', '/docs/comparison', '/docs/project/ARCHITECTURE']) {
      await page.goto(base + path);
      await axe();
      await fitsPhone(page);
    }

    await page.goto(`${base}/docs/api-reference#list_suppressions`);
    await page.getByLabel('API token').fill(token);
    const operation = page.locator('#list_suppressions');
    await operation.getByLabel('account_id (path)').fill(account);
    await axe();
    await fitsPhone(page);
    await operation.getByRole('button', { name: 'Send' }).click();
    await operation.locator('.answer-status.good').waitFor();
    const answer = JSON.parse(await operation.locator('.answer pre').innerText());
    const operations = await page.locator('.operation').count();
    return { pages: pages.length, found, success: answer.success, operations };
  },
  { signedIn: false },
);

/** Fails if a page is wider than a phone. */
async function fitsPhone(page) {
  await page.setViewportSize(PHONE);
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (beyond > 0) throw new Error(`${page.url()} is ${beyond} px wider than a phone`);
  await page.setViewportSize(DESK);
}
