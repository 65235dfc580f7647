// What journeys do on several pages.

import assert from 'node:assert/strict';
import { DESK, PHONE } from './lib.mjs';

/** The row of a table that says something. */
export const row = (page, text) => page.getByRole('row').filter({ hasText: text });

export const tab = (page, name) => page.getByRole('tab', { name }).click();

/** Fails if somebody with a phone would have to scroll sideways. */
export async function fitsPhone(page) {
  for (const size of [PHONE, { width: 320, height: 640 }]) {
    await page.setViewportSize(size);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${page.url()} is ${over} pixels too wide for ${size.width}`);
  }
  await page.setViewportSize(DESK);
}

/** What a button makes the browser save, as text. */
export async function saved(page, act) {
  const [download] = await Promise.all([page.waitForEvent('download'), act()]);
  const pieces = [];
  for await (const piece of await download.createReadStream()) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
