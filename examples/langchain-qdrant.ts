import { Document } from '@langchain/core/documents';
import { Embeddings } from '@langchain/core/embeddings';
import { QdrantVectorStore } from '@langchain/qdrant';
import { embed, NOTES, settings } from './notes.ts';

class StandIn extends Embeddings {
  constructor() {
    super({});
  }
  override embedDocuments = (texts: string[]): Promise<number[][]> => Promise.resolve(texts.map(embed));
  override embedQuery = (text: string): Promise<number[]> => Promise.resolve(embed(text));
}

const { url, token, collection, question, write } = settings();
const store = await QdrantVectorStore.fromExistingCollection(new StandIn(), { url, apiKey: token, collectionName: collection });

if (write) await store.addDocuments(NOTES.map(({ id, text, acl }) => new Document({ id, pageContent: text, metadata: { acl } })));

for (const [document, score] of await store.similaritySearchWithScore(question, 3)) console.log(score.toFixed(2), document.pageContent);
