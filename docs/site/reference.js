// The API reference: every operation of the OpenAPI document, with a form that sends it to this server.
//
// A token is kept in the page's memory only. Without one, requests go with the session of the dashboard, if there is one.
'use strict';
{
  const DOCUMENT = '/client/v4/openapi.json';
  const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
  /** What is read of an answer that does not end, and for how long: streams are shown by their beginning. */
  const LONGEST_ANSWER = 256 * 1024;
  const LONGEST_WAIT = 15_000;
  /** Schemas within schemas are shown to here; further in by the name of their type. */
  const DEEPEST = 6;

  const root = document.getElementById('reference');
  /** What was given for parameters, shared by all operations: an account is typed once. */
  const given = new Map();
  let api;

  const element = (name, attributes = {}, ...content) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...content.flat().filter((part) => part !== null && part !== undefined));
    return made;
  };

  /** Text in which `code` is set as code. */
  function prose(text) {
    return text.split('`').map((part, at) => (at % 2 ? element('code', {}, part) : part));
  }

  /** What a reference means; anything else is itself. */
  function resolved(part) {
    while (part?.$ref) part = part.$ref.slice(2).split('/').reduce((at, name) => at?.[name], api);
    return part ?? {};
  }

  /** A schema with what it is made of. */
  function whole(schema) {
    const { allOf, ...own } = resolved(schema);
    const parts = [...(allOf ?? []).map(whole), own];
    return parts.reduce((sum, part) => ({
      ...sum, ...part,
      properties: { ...sum.properties, ...part.properties },
      required: [...(sum.required ?? []), ...(part.required ?? [])],
    }), {});
  }

  const nameOf = (schema) => schema?.$ref?.split('/').pop();
  const variants = (schema) => schema.oneOf ?? schema.anyOf ?? [];
  const isNothing = (schema) => schema.type === 'null';

  /** The type of a value in words. */
  function typeOf(schema) {
    const full = whole(schema);
    const types = [full.type].flat().filter(Boolean);
    if (variants(full).length) return variants(full).map(typeOf).join(' or ');
    if (types.includes('array')) return `list of ${typeOf(full.items ?? {})}`;
    const format = full.format ? ` (${full.format})` : '';
    return (types.join(' or ') || nameOf(schema) || 'anything') + format;
  }

  /** What else a schema says of a value. */
  function bounds({ enum: values, const: only, minimum, maximum, minLength, maxLength, maxItems, default: usual }) {
    const says = [
      values && `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
      only !== undefined && `always ${JSON.stringify(only)}`,
      minimum !== undefined && `at least ${minimum}`,
      maximum !== undefined && `at most ${maximum}`,
      minLength && `${minLength} characters or more`,
      maxLength && `${maxLength} characters at most`,
      maxItems && `${maxItems} at most`,
      usual !== undefined && usual !== null && `otherwise ${JSON.stringify(usual)}`,
    ];
    return says.filter(Boolean).join('; ');
  }

  /** The schema whose fields are worth showing: that of the items of a list, the one that is not null. */
  function inner(schema) {
    const full = whole(schema);
    if (full.items) return inner(full.items);
    const real = variants(full).filter((one) => !isNothing(resolved(one)));
    return real.length === 1 ? inner(real[0]) : full;
  }

  function fields(schema, depth = 0) {
    const full = inner(schema);
    const choices = variants(full).filter((one) => Object.keys(inner(one).properties).length);
    if (choices.length && depth < DEEPEST) {
      return choices.map((one) => [element('p', { className: 'type' }, 'either:'), fields(one, depth + 1)]);
    }
    const names = Object.keys(full.properties);
    if (!names.length || depth >= DEEPEST) return null;
    return element('ul', { className: 'schema' }, names.map((name) => field(name, full, depth)));
  }

  function field(name, { properties, required }, depth) {
    const schema = properties[name];
    const full = whole(schema);
    const says = [full.description, bounds(full)].filter(Boolean).join(' ');
    const line = [
      element('code', {}, name), ' ', element('span', { className: 'type' }, typeOf(schema)), ' ',
      required?.includes(name) ? element('span', { className: 'needed' }, 'required') : null, ' ', prose(says),
    ];
    const below = inner(schema);
    const opens = Object.keys(below.properties).length || variants(below).length;
    if (!opens || depth + 1 >= DEEPEST) return element('li', {}, line);
    const more = element('details', {}, element('summary', {}, line));
    more.addEventListener('toggle', () => more.append(fields(schema, depth + 1) ?? ''), { once: true });
    return element('li', {}, more);
  }

  /** A value that fits a schema: its example, or its required fields. */
  function example(schema, depth = 0) {
    const full = whole(schema);
    if (full.example !== undefined) return full.example;
    if (full.examples?.length) return full.examples[0];
    if (full.default !== undefined) return full.default;
    if (full.const !== undefined) return full.const;
    if (full.enum) return full.enum[0];
    const choices = variants(full).filter((one) => !isNothing(resolved(one)));
    if (choices.length) return example(choices[0], depth);
    const [type] = [full.type].flat();
    if (type === 'array') return depth < DEEPEST ? [example(full.items ?? {}, depth + 1)] : [];
    if (type === 'object' || Object.keys(full.properties).length) {
      const names = full.required.length || depth ? full.required : Object.keys(full.properties).slice(0, 4);
      return Object.fromEntries(names.map((name) => [name, example(full.properties[name] ?? {}, depth + 1)]));
    }
    return { string: 'string', integer: 0, number: 0, boolean: false }[type] ?? null;
  }

  function parametersTable(parameters) {
    const rows = parameters.map(({ name, in: place, required, description, schema }) => element('tr', {},
      element('td', {}, element('code', {}, name)), element('td', {}, place),
      element('td', {}, typeOf(schema ?? {}), required ? element('span', { className: 'needed' }, ' required') : null),
      element('td', {}, prose([description, bounds(whole(schema ?? {}))].filter(Boolean).join(' ')))));
    const head = ['Name', 'In', 'Type', 'Means'].map((text) => element('th', { scope: 'col' }, text));
    const table = element('table', {}, element('thead', {}, element('tr', {}, head)), element('tbody', {}, rows));
    return scrolling(table, 'Parameters');
  }

  function scrolling(content, label) {
    const frame = element('div', { className: 'table', tabIndex: 0 }, content);
    frame.setAttribute('role', 'group');
    frame.setAttribute('aria-label', label);
    return frame;
  }

  function responses(operation) {
    return Object.entries(operation.responses ?? {}).map(([status, response]) => {
      const { description, content } = resolved(response);
      const [type, body] = Object.entries(content ?? {})[0] ?? [];
      const summary = element('summary', {}, element('code', {}, status), ' ', prose(description ?? ''), ' ', type ? element('span', { className: 'type' }, type) : null);
      const part = element('details', {}, summary);
      part.addEventListener('toggle', () => part.append(fields(body?.schema ?? {}) ?? ''), { once: true });
      return part;
    });
  }

  function labelled(label, input, key) {
    input.value = given.get(key) ?? '';
    input.addEventListener('input', () => given.set(key, input.value));
    return element('label', { className: 'field' }, label, input);
  }

  /** The form that sends an operation. */
  function trial(method, path, operation, parameters) {
    const inputs = parameters.map((parameter) => {
      const input = element('input', { required: parameter.required ?? false, autocomplete: 'off', spellcheck: false });
      const key = parameter.in === 'path' ? parameter.name : `${operation.operationId} ${parameter.name}`;
      return { parameter, input, label: labelled(`${parameter.name} (${parameter.in})`, input, key) };
    });
    const [type, content] = Object.entries(resolved(operation.requestBody).content ?? {})[0] ?? [];
    const body = content && element('textarea', { spellcheck: false });
    if (body) {
      body.value = type.includes('json') ? JSON.stringify(content.example ?? example(content.schema), null, 2) : '';
    }
    const answer = element('div', { className: 'answer' });
    answer.setAttribute('aria-live', 'polite');
    const button = element('button', { type: 'submit' }, method === 'get' ? 'Send' : 'Send: this may change something');
    const form = element('form', { className: 'trial' }, inputs.map(({ label }) => label),
      body && element('label', { className: 'field' }, `Body (${type})`, body), button, answer);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      // What was typed at another operation counts here, too.
      const values = inputs.map(({ parameter, input }) => ({ ...parameter, value: input.value.trim() }));
      button.disabled = true;
      await send(request(method, path, values, body && { type, text: body.value }), answer);
      button.disabled = false;
    });
    form.addEventListener('focusin', () => {
      for (const { parameter, input } of inputs) {
        if (parameter.in === 'path' && !input.value) input.value = given.get(parameter.name) ?? '';
      }
    });
    return form;
  }

  function request(method, path, values, body) {
    const query = new URLSearchParams();
    const headers = new Headers();
    for (const { name, in: place, value } of values) {
      if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
      else if (place === 'query' && value) query.append(name, value);
      else if (place === 'header' && value) headers.set(name, value);
    }
    const token = document.getElementById('token').value.trim();
    if (token) headers.set('authorization', `Bearer ${token}`);
    if (body) headers.set('content-type', body.type);
    const search = query.size ? `?${query}` : '';
    return { url: path + search, options: { method: method.toUpperCase(), headers, body: body?.text, credentials: 'same-origin' } };
  }

  async function send({ url, options }, answer) {
    const began = performance.now();
    const status = element('p', { className: 'answer-status' }, `${options.method} ${url} …`);
    const text = element('pre', { tabIndex: 0 });
    answer.replaceChildren(status, text);
    try {
      const response = await fetch(url, { ...options, signal: AbortSignal.timeout(LONGEST_WAIT) });
      const { body, isWhole } = await beginning(response);
      status.classList.add(response.ok ? 'good' : 'bad');
      const time = Math.round(performance.now() - began);
      status.textContent = `${response.status} ${response.statusText}, ${time} ms${isWhole ? '' : ', the beginning'}`;
      text.textContent = pretty(body);
    } catch (error) {
      status.classList.add('bad');
      status.textContent = `No answer: ${error.message}`;
    }
  }

  /** The beginning of a body, up to the bounds above. */
  async function beginning(response) {
    const decoder = new TextDecoder();
    let body = '';
    try {
      for await (const part of response.body ?? []) {
        body += decoder.decode(part, { stream: true });
        if (body.length > LONGEST_ANSWER) return { body, isWhole: false };
      }
    } catch {
      return { body, isWhole: false };
    }
    return { body, isWhole: true };
  }

  function pretty(text) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }

  function operation({ method, path, operation: one }) {
    const shown = element('details', { className: 'operation', id: one.operationId }, element('summary', {},
      element('span', { className: `method ${method}` }, method.toUpperCase()),
      element('span', { className: 'path' }, path), element('span', { className: 'says' }, one.summary ?? '')));
    shown.addEventListener('toggle', () => {
      const parameters = (one.parameters ?? []).map(resolved);
      const body = Object.values(resolved(one.requestBody).content ?? {})[0];
      shown.append(element('div', {},
        element('p', {}, prose(one.description ?? one.summary ?? '')),
        parameters.length ? [element('h3', {}, 'Parameters'), parametersTable(parameters)] : null,
        body ? [element('h3', {}, 'Body'), fields(body.schema) ?? element('p', {}, typeOf(body.schema))] : null,
        element('h3', {}, 'Answers'), responses(one),
        element('h3', {}, 'Try it'), trial(method, path, one, parameters)));
    }, { once: true });
    return shown;
  }

  /** Every operation with its place. */
  function operations() {
    return Object.entries(api.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method]).map((method) => ({ method, path, operation: item[method] })));
  }

  function access() {
    const token = element('input', { id: 'token', type: 'password', autocomplete: 'off', size: 44 });
    const filter = element('input', { type: 'search', autocomplete: 'off', placeholder: 'suppressions' });
    filter.addEventListener('input', () => narrow(filter.value.toLowerCase()));
    return element('div', { className: 'access' },
      element('label', { className: 'field' }, 'API token', token),
      element('label', { className: 'field' }, 'Show operations with', filter),
      element('p', {}, 'The token stays in this page and is forgotten with it. Without one, requests go with your session of the dashboard, if you are signed in there.'));
  }

  function narrow(wanted) {
    for (const shown of root.querySelectorAll('.operation')) {
      shown.hidden = !shown.querySelector('summary').textContent.toLowerCase().includes(wanted);
    }
    for (const chapter of root.querySelectorAll('section')) {
      chapter.hidden = !chapter.querySelector('.operation:not([hidden])');
    }
  }

  function chapter({ name, description }, all) {
    const own = all.filter(({ operation: one }) => one.tags?.includes(name));
    const id = `chapter-${name.toLowerCase().replaceAll(' ', '-')}`;
    return element('section', {}, element('h2', { id }, name), element('p', {}, prose(description ?? '')), own.map(operation));
  }

  /** Opens the operation that the address names. */
  function openNamed() {
    const named = document.getElementById(location.hash.slice(1));
    if (!named?.classList.contains('operation')) return;
    named.open = true;
    named.scrollIntoView();
  }

  async function start() {
    root.setAttribute('aria-busy', 'true');
    try {
      api = await (await fetch(DOCUMENT)).json();
    } catch (error) {
      root.replaceChildren(element('p', {}, `The description of the API could not be read: ${error.message}`));
      return;
    }
    const all = operations();
    const list = element('p', {}, `Version ${api.info.version}, ${all.length} operations. Each has an address of its own: `,
      element('code', {}, `${location.pathname}#send_message`), '.');
    root.replaceChildren(access(), list, ...(api.tags ?? []).map((tag) => chapter(tag, all)));
    root.setAttribute('aria-busy', 'false');
    openNamed();
    window.addEventListener('hashchange', openNamed);
  }

  start();
}
