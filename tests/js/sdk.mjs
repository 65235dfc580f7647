// Calls every method of `emailSending`, `emailAuth` and the rules and addresses of `emailRouting` of the published
// `cloudflare` SDK, and what they need of accounts, zones and tokens.
//
// usage: node sdk.mjs BASE_URL TOKEN ACCOUNT_ID ZONE_ID
//
// Prints what the SDK made of the answers as JSON; `missed` are the methods that were not called.

import Cloudflare from 'cloudflare';

const [baseURL, apiToken, account_id, zone_id] = process.argv.slice(2);
const client = new Cloudflare({ baseURL, apiToken, maxRetries: 0 });

/** The names of an object's methods, inherited ones too. */
function methods(object) {
  const names = new Set();
  for (let at = Object.getPrototypeOf(object); at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (name !== 'constructor' && typeof object[name] === 'function') names.add(name);
    }
  }
  return names;
}

/** Has every method of a resource, and of those beneath it, note that it was called. */
function watch(resource, name, called, known) {
  for (const method of methods(resource)) {
    const [whole, own] = [`${name}.${method}`, resource[method].bind(resource)];
    known.add(whole);
    resource[method] = (...given) => {
      called.add(whole);
      return own(...given);
    };
  }
  for (const [key, value] of Object.entries(resource)) {
    if (!key.startsWith('_') && value !== null && typeof value === 'object') {
      watch(value, `${name}.${key}`, called, known);
    }
  }
}

/** What a list has on all its pages. */
async function all(list) {
  const rows = [];
  for await (const row of list) rows.push(row);
  return rows;
}

/** What the server says no with. */
async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.status, name: error.constructor.name, codes: error.errors?.map((one) => one.code) };
  }
  return null;
}

async function sends() {
  const sent = await client.emailSending.send(
    { account_id, from: 'sender@example.com', to: 'js@example.net', subject: 'by JavaScript', text: 'Hello' },
    { headers: { 'Idempotency-Key': 'js-1' } },
  );
  const again = await client.emailSending.send(
    { account_id, from: 'sender@example.com', to: 'js@example.net', subject: 'by JavaScript', text: 'Hello' },
    { headers: { 'Idempotency-Key': 'js-1' } },
  );
  const mime_message = 'From: sender@example.com\r\nTo: raw@example.net\r\nSubject: raw\r\n\r\nHello\r\n';
  const raw = await client.emailSending.sendRaw({
    account_id, from: 'sender@example.com', recipients: ['raw@example.net'], mime_message,
  });
  const bad = await refusal(() =>
    client.emailSending.send({ account_id, from: 'sender@example.com', to: 'x', subject: 's', text: 't' }));
  return { delivered: [...sent.delivered, ...raw.delivered], same: sent.message_id === again.message_id, bad };
}

async function suppressions() {
  const list = client.emailSending.suppressions;
  const made = await list.create({ account_id, email: 'ann@example.org', note: 'by phone' });
  const got = await list.get(made.id, { account_id });
  const edited = await list.edit(made.id, { account_id, note: 'by letter' });
  const many = await list.import({ account_id, items: [{ email: 'bob@example.org' }, { email: 'no address' }] });
  const listed = (await all(list.list({ account_id, per_page: 1 }))).map((row) => row.email).sort();
  await list.delete(made.id, { account_id });
  return { got: got.email, note: edited.note, processed: many.processed, invalid: many.invalid, listed };
}

async function subdomains() {
  const domains = client.emailSending.subdomains;
  const made = await domains.create({ zone_id, name: 'js.example.com' });
  const got = await domains.get(made.tag, { zone_id });
  const edited = await domains.edit(made.tag, { zone_id, drop_suppressed_recipients: true });
  const listed = (await all(domains.list({ zone_id }))).map((row) => row.name).sort();
  const records = (await all(domains.dns.get(made.tag, { zone_id }))).map((record) => record.type);
  await domains.delete(made.tag, { zone_id });
  return { name: got.name, edited: edited.drop_suppressed_recipients, listed, records: [...new Set(records)].sort() };
}

async function auth() {
  const reports = client.emailAuth.dmarcReports;
  const before = await reports.get({ zone_id });
  const after = await reports.edit({ zone_id, enabled: true });
  const missing = await refusal(() => client.emailAuth.spf.inspect.get({ zone_id, id: '0'.repeat(32) }));
  return { before: before.enabled, after: after.enabled, missing };
}

async function rules() {
  const { rules, addresses, accountRules } = client.emailRouting;
  const address = await addresses.create({ account_id, email: 'rules@example.net' });
  await addresses.get(address.id, { account_id });
  const verified = await addresses.edit(address.id, { account_id, status: 'verified' });
  const listed = (await all(addresses.list({ account_id, verified: true }))).some((one) => one.id === address.id);
  const matchers = [{ type: 'literal', field: 'to', value: 'js@example.com' }];
  const actions = [{ type: 'forward', value: [address.email] }];
  const made = await rules.create({ zone_id, matchers, actions, priority: 3 });
  const updated = await rules.update(made.id, { zone_id, matchers, actions: [{ type: 'drop' }] });
  const got = await rules.get(made.id, { zone_id });
  const rest = await rules.catchAlls.update({ zone_id, matchers: [{ type: 'all' }], actions, enabled: true });
  const catchAll = await rules.catchAlls.get({ zone_id });
  const known = (rows) => [made, catchAll].map((rule) => rows.some((row) => row.id === rule.id));
  const ofZone = known(await all(rules.list({ zone_id, per_page: 1 })));
  await addresses.delete(address.id, { account_id });
  const ofAccount = known(await all(accountRules.list({ account_id, enabled: true })));
  await rules.delete(made.id, { zone_id });
  return {
    verified: typeof verified.verified, listed, priority: made.priority, action: updated.actions[0].type,
    same: got.id === made.id && rest.id === catchAll.id, enabled: catchAll.enabled, ofZone, ofAccount,
  };
}

async function around() {
  const account = await client.accounts.get({ account_id });
  const accounts = (await all(client.accounts.list())).map((one) => one.id);
  const zone = await client.zones.create({ name: 'js.example', account: { id: account_id } });
  const zones = (await all(client.zones.list({ name: 'js.example' }))).map((one) => one.id);
  const got = await client.zones.get({ zone_id: zone.id });
  await client.zones.delete({ zone_id: zone.id });
  const memberships = await all(client.memberships.list());
  const user = await client.user.get();
  const verified = await client.user.tokens.verify();
  return {
    account: accounts.includes(account.id), zone: zones.includes(got.id), memberships: memberships.length,
    user: typeof user.id, verified: verified.status,
  };
}

const [called, known] = [new Set(), new Set()];
watch(client.emailSending, 'emailSending', called, known);
watch(client.emailAuth, 'emailAuth', called, known);
for (const part of ['rules', 'addresses', 'accountRules']) {
  watch(client.emailRouting[part], `emailRouting.${part}`, called, known);
}
const said = {
  sends: await sends(), suppressions: await suppressions(), subdomains: await subdomains(), auth: await auth(),
  rules: await rules(), around: await around(),
};
said.missed = [...known].filter((name) => !called.has(name));
said.known = known.size;
console.log(JSON.stringify(said));
