import { QdrantVector } from '@mastra/qdrant';
import { embed, NOTES, settings } from './notes.ts';

const { url, token, collection, question, write } = settings();
const store = new QdrantVector({ id: 'sluice', url, apiKey: token });

if (write) {
  await store.upsert({
    indexName: collection,
    vectors: NOTES.map(({ text }) => embed(text)),
    metadata: NOTES.map(({ text, acl }) => ({ text, acl })),
    ids: NOTES.map(({ id }) => id),
  });
}

for (const { score, metadata } of await store.query({ indexName: collection, queryVector: embed(question), topK: 3 })) {
  console.log(score.toFixed(2), String(metadata?.['text']));
}
