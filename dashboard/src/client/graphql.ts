// Asking for analytics.

import { ApiFailure, url, type ApiMessage } from "./http";

interface Reply<T> {
  readonly data: T | null;
  readonly errors?: readonly { readonly message: string }[] | null;
}

export async function graphql<T>(
  query: string,
  variables: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<T> {
  const response = await fetch(url("/graphql"), {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
    ...(signal && { signal }),
  });
  const reply = (await response.json()) as Reply<T>;
  const errors: ApiMessage[] = (reply.errors ?? []).map(({ message }) => ({ code: 0, message }));
  if (!response.ok || errors.length > 0 || !reply.data) throw new ApiFailure(response.status, errors);
  return reply.data;
}
