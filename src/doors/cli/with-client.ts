import type { z } from 'zod';
import { createApiClient, expectShape, type ApiClient } from './api-client.ts';
import type { Commands } from './program.ts';

/** A client for one command, closed whatever happens. */
export async function withClient<T>({ house }: Pick<Commands, 'house'>, run: (client: ApiClient) => Promise<T>): Promise<T> {
  const client = createApiClient(house.clientSettings());
  try {
    return await run(client);
  } finally {
    await client.close();
  }
}

/** Shows every page of a list, each 100 long, in order. `path` is without a query. */
export async function eachPage<T extends { readonly next?: string | undefined }>(
  client: ApiClient,
  path: string,
  shape: z.ZodType<T>,
  show: (page: T) => void,
): Promise<void> {
  for (let query = 'limit=100'; ;) {
    const page = expectShape(shape, await client.call('GET', `${path}?${query}`));
    show(page);
    if (page.next === undefined) return;
    query = `limit=100&after=${encodeURIComponent(page.next)}`;
  }
}
