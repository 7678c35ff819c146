import { QdrantClient } from '@qdrant/js-client-rest';
import { embed, NOTES, settings } from './notes.ts';

const { url, token, collection, question, write } = settings();
const client = new QdrantClient({ url, apiKey: token });

if (write) {
  const points = NOTES.map(({ id, text, acl }) => ({ id, vector: embed(text), payload: { text, acl } }));
  await client.upsert(collection, { wait: true, points });
}

const { points } = await client.query(collection, { query: embed(question), limit: 3, with_payload: true });
for (const { score, payload } of points) console.log(score.toFixed(2), String(payload?.['text']));
