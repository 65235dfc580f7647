// Has a zone take mail, and no more, by every settings and dns method of `emailRouting` of the published `cloudflare` SDK.
//
// usage: node sdk_routing_settings.mjs BASE_URL TOKEN ZONE_ID
//
// Prints the word for where the zone stands after each.

import Cloudflare from 'cloudflare';

const [baseURL, apiToken, zone_id] = process.argv.slice(2);
const { emailRouting } = new Cloudflare({ baseURL, apiToken, maxRetries: 0 });
const zone = { zone_id };

const words = {};
words.get = (await emailRouting.get(zone)).status;
words.edit = (await emailRouting.edit({ ...zone, skip_wizard: true })).status;
words.update = (await emailRouting.update({ ...zone, support_subaddress: true })).status;
words.enable = (await emailRouting.enable(zone)).status;
words.unlock = (await emailRouting.unlock(zone)).status;
words.created = (await emailRouting.dns.create(zone)).status;
words.edited = (await emailRouting.dns.edit(zone)).status;
words.types = (await emailRouting.dns.get(zone)).map((record) => record.type);
words.deleted = (await emailRouting.dns.delete(zone)).status;
words.disable = (await emailRouting.disable(zone)).status;
console.log(JSON.stringify(words));
