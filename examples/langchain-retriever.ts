import type { CallbackManagerForRetrieverRun } from '@langchain/core/callbacks/manager';
import { Document } from '@langchain/core/documents';
import { BaseRetriever, type BaseRetrieverInput } from '@langchain/core/retrievers';
import { createSluiceClient, SluiceError, type Chunk, type RetrieveRequest, type SluiceClientOptions } from './client/sluice-client.ts';

export interface SluiceRetrieverInput extends BaseRetrieverInput, SluiceClientOptions {
  /** What goes with every query: `limit`, `sources`, `filter`, `minTrust`, `session` and the like. */
  readonly request?: Omit<RetrieveRequest, 'query' | 'vector' | 'context'>;
}

/** Of each document; `requestId` is what reports and `sluice trace` name. */
export type SluiceMetadata = { readonly requestId: string; readonly score: number } & Chunk['provenance'];

/** LangChain's retriever over Sluice's own API: what the bearer of the token may read now, each chunk with its provenance as metadata. */
export class SluiceRetriever extends BaseRetriever<SluiceMetadata> {
  static override lc_name(): string {
    return 'SluiceRetriever';
  }

  override lc_namespace = ['sluice', 'retrievers'];
  readonly #input: SluiceRetrieverInput;

  constructor(input: SluiceRetrieverInput) {
    // The token stays here: what LangChain is given, it may serialise and trace.
    const { url: _url, token: _token, timeoutMs: _timeoutMs, retries: _retries, request: _request, ...fields } = input;
    super(fields);
    this.#input = input;
  }

  override async _getRelevantDocuments(query: string, _run?: CallbackManagerForRetrieverRun): Promise<Document<SluiceMetadata>[]> {
    const { requestId, chunks } = await createSluiceClient(this.#input).retrieve({ ...this.#input.request, query });
    return chunks.map(
      ({ id, score, text, provenance }) => new Document({ id, pageContent: text, metadata: { requestId, score, ...provenance } }),
    );
  }
}

if (import.meta.main) {
  const { SLUICE_URL: url = 'http://127.0.0.1:8080', SLUICE_TOKEN: token = '' } = process.env;
  const retriever = new SluiceRetriever({ url, token, request: { limit: 4 } });
  try {
    for (const { pageContent, metadata } of await retriever.invoke(process.argv.slice(2).join(' ') || 'How long is parental leave?')) {
      console.log(`${metadata.document.title}, ${metadata.source.title}, ${metadata.label.level}: ${pageContent}`);
    }
  } catch (error) {
    console.error(error instanceof SluiceError ? error.message : String(error));
    process.exitCode = 1;
  }
}
