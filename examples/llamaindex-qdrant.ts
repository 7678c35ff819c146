import { BaseEmbedding } from '@llamaindex/core/embeddings';
import { MetadataMode, TextNode } from '@llamaindex/core/schema';
import { VectorStoreQueryMode } from '@llamaindex/core/vector-store';
import { QdrantVectorStore } from '@llamaindex/qdrant';
import { embed, NOTES, settings } from './notes.ts';

class StandIn extends BaseEmbedding {
  // oxlint-disable-next-line no-useless-constructor -- that of BaseEmbedding is protected
  constructor() {
    super();
  }
  override getTextEmbedding = (text: string): Promise<number[]> => Promise.resolve(embed(text));
}

const { url, token, collection, question, write } = settings();
const store = new QdrantVectorStore({ url, apiKey: token, collectionName: collection, embeddingModel: new StandIn() });

if (write) await store.add(NOTES.map(({ id, text, acl }) => new TextNode({ id_: id, text, embedding: embed(text), metadata: { acl } })));

const found = await store.query({ queryEmbedding: embed(question), similarityTopK: 3, mode: VectorStoreQueryMode.DEFAULT });
for (const [place, node] of (found.nodes ?? []).entries()) {
  console.log((found.similarities[place] ?? 0).toFixed(2), node.getContent(MetadataMode.NONE));
}
