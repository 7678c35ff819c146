import { createApiClient, type ApiClient } from './api-client.ts';
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
