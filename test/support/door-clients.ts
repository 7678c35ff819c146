import { Embeddings } from '@langchain/core/embeddings';
import { Document } from '@langchain/core/documents';
import { QdrantVectorStore as LangChainStore } from '@langchain/qdrant';
import { BaseEmbedding } from '@llamaindex/core/embeddings';
import { TextNode } from '@llamaindex/core/schema';
import { FilterOperator, VectorStoreQueryMode } from '@llamaindex/core/vector-store';
import { QdrantVectorStore as LlamaIndexStore } from '@llamaindex/qdrant';
import { QdrantVector } from '@mastra/qdrant';
import { QdrantClient } from '@qdrant/js-client-rest';
import { QUESTIONS, SIZE, vectorOf, type ClientDocument } from './client-documents.ts';

/** Where a client is pointed: a Qdrant, or the door with a token. That is all that differs between the two. */
export interface Address {
  readonly url: string;
  readonly apiKey: string | undefined;
}

/** What one client does with one collection. Every step gives what an application would see of it. */
export interface ClientKit {
  readonly name: string;
  /** Where it keeps text and ACL, for `PUT /v1/collections/{collection}`. */
  readonly profile: object;
  write(address: Address, collection: string, documents: readonly ClientDocument[]): Promise<unknown>;
  read(address: Address, collection: string): Promise<unknown>;
  /** Changes and deletes some of what `write` wrote; these ids are readable to whoever calls it. */
  change(address: Address, collection: string, documents: readonly ClientDocument[]): Promise<unknown>;
}

const TOPICAL = {
  must: [{ key: 'metadata.topic', match: { any: ['leave', 'payroll'] } }],
  must_not: [{ key: 'metadata.year', range: { lt: 2021 } }],
};

class FixedEmbeddings extends Embeddings {
  constructor() {
    super({});
  }
  override embedDocuments(texts: string[]): Promise<number[][]> {
    return Promise.resolve(texts.map(vectorOf));
  }
  override embedQuery(text: string): Promise<number[]> {
    return Promise.resolve(vectorOf(text));
  }
}

class FixedEmbedding extends BaseEmbedding {
  // oxlint-disable-next-line no-useless-constructor -- that of BaseEmbedding is protected
  constructor() {
    super();
  }
  override getTextEmbedding = (text: string): Promise<number[]> => Promise.resolve(vectorOf(text));
}

const clientOf = ({ url, apiKey }: Address): QdrantClient => new QdrantClient({ url, ...(apiKey === undefined ? {} : { apiKey }) });
const byId = (a: { id: string | number }, b: { id: string | number }): number => (String(a.id) < String(b.id) ? -1 : 1);

async function everything(client: QdrantClient, collection: string, filter?: object): Promise<unknown> {
  const found: Awaited<ReturnType<QdrantClient['scroll']>>['points'] = [];
  let offset: string | number | undefined;
  do {
    const page = await client.scroll(collection, {
      limit: 3,
      with_vector: true,
      ...(offset === undefined ? {} : { offset }),
      ...(filter === undefined ? {} : { filter }),
    });
    found.push(...page.points);
    const { next_page_offset: next } = page;
    offset = typeof next === 'string' || typeof next === 'number' ? next : undefined;
  } while (offset !== undefined);
  return found.sort(byId);
}

export const qdrantJs: ClientKit = {
  name: '@qdrant/js-client-rest',
  profile: { preset: 'langchain', text: 'content', provenance: 'none' },
  async write(address, collection, documents) {
    const points = documents.map(({ id, text, acl, topic, year }) => ({
      id,
      vector: vectorOf(text),
      payload: { content: text, metadata: { acl, topic, year } },
    }));
    const { status } = await clientOf(address).upsert(collection, { wait: true, points });
    return status;
  },
  async read(address, collection) {
    const client = clientOf(address);
    const some = QUESTIONS.map((question) => vectorOf(question));
    const first = some[0] ?? [];
    return {
      exists: await client.collectionExists(collection),
      count: await client.count(collection, { exact: true }),
      topical: await client.count(collection, { exact: true, filter: TOPICAL }),
      searches: await client.searchBatch(collection, { searches: some.map((vector) => ({ vector, limit: 5, with_payload: true })) }),
      queries: await Promise.all(some.map((query) => client.query(collection, { query, limit: 5, with_payload: true, filter: TOPICAL }))),
      fused: await client.query(collection, {
        prefetch: [
          { query: first, limit: 4, filter: TOPICAL },
          { query: some[1] ?? [], limit: 9 },
        ],
        query: first,
        limit: 6,
        with_vector: true,
      }),
      groups: await client.queryGroups(collection, { query: first, group_by: 'metadata.topic', group_size: 2, limit: 3 }),
      facet: await client.facet(collection, { key: 'metadata.topic', exact: true }),
      everything: await everything(client, collection),
      some: await everything(client, collection, TOPICAL),
    };
  },
  async change(address, collection, [first, second, third, fourth]) {
    const client = clientOf(address);
    const ids = (...some: readonly (ClientDocument | undefined)[]): string[] => some.map((one) => one?.id ?? '');
    const changes = [
      await client.setPayload(collection, { wait: true, payload: { seen: true, price: 1.5 }, points: ids(first, second) }),
      await client.setPayload(collection, { wait: true, payload: { deep: [1, 2] }, key: 'metadata', points: ids(first) }),
      await client.deletePayload(collection, { wait: true, keys: ['price'], points: ids(second) }),
      await client.updateVectors(collection, {
        wait: true,
        points: [{ id: ids(third)[0] ?? '', vector: vectorOf('another vector altogether') }],
      }),
      await client.delete(collection, { wait: true, points: ids(fourth) }),
      await client.delete(collection, { wait: true, filter: { must: [{ key: 'metadata.year', match: { value: 2024 } }] } }),
    ];
    return {
      statuses: changes.map(({ status }) => status),
      retrieved: (await client.retrieve(collection, { ids: ids(first, second, third, fourth), with_vector: true })).sort(byId),
    };
  },
};

export const langChain: ClientKit = {
  name: '@langchain/qdrant',
  profile: { preset: 'langchain', provenance: 'none' },
  async write(address, collection, documents) {
    const made = documents.map(({ id, text, acl, topic, year }) => new Document({ id, pageContent: text, metadata: { acl, topic, year } }));
    await (await storeOf(address, collection)).addDocuments(made);
    return undefined;
  },
  async read(address, collection) {
    const store = await storeOf(address, collection);
    return Promise.all(
      QUESTIONS.map(async (question) => [
        await store.similaritySearchWithScore(question, 5),
        await store.similaritySearchWithScore(question, 5, TOPICAL),
        await store.maxMarginalRelevanceSearch(question, { k: 3, fetchK: 6, lambda: 0.5 }),
        await store.asRetriever({ k: 2 }).invoke(question),
      ]),
    );
  },
  async change(address, collection, documents) {
    const store = await storeOf(address, collection);
    await store.delete({ ids: documents.slice(0, 2).map(({ id }) => id) });
    await store.delete({ filter: { must: [{ key: 'metadata.topic', match: { value: 'security' } }] } });
    return store.similaritySearch('parental leave', 9);
  },
};

function storeOf({ url, apiKey }: Address, collectionName: string): Promise<LangChainStore> {
  return LangChainStore.fromExistingCollection(new FixedEmbeddings(), { url, ...(apiKey === undefined ? {} : { apiKey }), collectionName });
}

export const mastra: ClientKit = {
  name: '@mastra/qdrant',
  profile: { preset: 'mastra', provenance: 'none' },
  async write(address, indexName, documents) {
    const store = new QdrantVector({ id: 'mastra', ...defined(address) });
    return store.upsert({
      indexName,
      vectors: documents.map(({ text }) => vectorOf(text)),
      metadata: documents.map(({ text, acl, topic, year }) => ({ text, acl, topic, year })),
      ids: documents.map(({ id }) => id),
    });
  },
  async read(address, indexName) {
    const store = new QdrantVector({ id: 'mastra', ...defined(address) });
    const filters = [
      { topic: 'leave' },
      { $or: [{ topic: { $in: ['leave', 'travel'] } }, { year: { $gte: 2023 } }] },
      { $not: { topic: 'payroll' } },
    ];
    return {
      listed: (await store.listIndexes()).includes(indexName),
      described: await store.describeIndex({ indexName }),
      asked: await Promise.all(
        QUESTIONS.flatMap((question) =>
          filters.map((filter) => store.query({ indexName, queryVector: vectorOf(question), topK: 4, filter, includeVector: true })),
        ),
      ),
    };
  },
  async change(address, indexName, documents) {
    const store = new QdrantVector({ id: 'mastra', ...defined(address) });
    const [first, second] = documents;
    await store.updateVector({ indexName, id: first?.id ?? '', update: { metadata: { seen: true } } });
    await store.updateVector({ indexName, filter: { topic: 'travel' }, update: { metadata: { reviewed: 'yes' } } });
    await store.deleteVector({ indexName, id: second?.id ?? '' });
    return store.query({ indexName, queryVector: vectorOf('parental leave'), topK: 20 });
  },
};

function defined({ url, apiKey }: Address): { url: string; apiKey?: string } {
  return { url, ...(apiKey === undefined ? {} : { apiKey }) };
}

export const llamaIndex: ClientKit = {
  name: '@llamaindex/qdrant',
  profile: { preset: 'llamaindex', provenance: 'none' },
  async write(address, collectionName, documents) {
    const nodes = documents.map(
      ({ id, text, acl, topic, year }) => new TextNode({ id_: id, text, embedding: vectorOf(text), metadata: { acl, topic, year } }),
    );
    return llamaOf(address, collectionName).add(nodes);
  },
  async read(address, collectionName) {
    const store = llamaOf(address, collectionName);
    const filters = [
      undefined,
      { filters: [{ key: 'topic', value: 'leave', operator: FilterOperator.EQ }] },
      {
        filters: [
          { key: 'topic', value: ['leave', 'travel'], operator: FilterOperator.IN },
          { key: 'year', value: 2022, operator: FilterOperator.GTE },
        ],
      },
    ];
    return Promise.all(
      QUESTIONS.flatMap((question) =>
        filters.map(async (given) => {
          const query = {
            queryEmbedding: vectorOf(question),
            similarityTopK: 4,
            mode: VectorStoreQueryMode.DEFAULT,
            ...(given === undefined ? {} : { filters: given }),
          };
          const { ids, similarities, nodes } = await store.query(query);
          return { ids, similarities, nodes: nodes?.map((node) => node.toJSON() as unknown) };
        }),
      ),
    );
  },
  async change(address, collectionName) {
    // It deletes by the document that nodes came from: these came from none.
    const store = llamaOf(address, collectionName);
    await store.delete('None');
    return (await store.query({ queryEmbedding: vectorOf('parental'), similarityTopK: 9, mode: VectorStoreQueryMode.DEFAULT })).ids;
  },
};

function llamaOf(address: Address, collectionName: string): LlamaIndexStore {
  return new LlamaIndexStore({ ...defined(address), collectionName, embeddingModel: new FixedEmbedding() });
}

export const KITS: readonly ClientKit[] = [qdrantJs, langChain, mastra, llamaIndex];

/** A collection as a client makes it. */
export async function makeCollection(address: Address, collection: string): Promise<void> {
  await clientOf(address).createCollection(collection, { vectors: { size: SIZE, distance: 'Cosine' } });
  await indexTopics(address, collection);
}

export async function indexTopics(address: Address, collection: string): Promise<void> {
  await clientOf(address).createPayloadIndex(collection, { field_name: 'metadata.topic', field_schema: 'keyword', wait: true });
}
