import type { BeginRun, IngestionRun } from './lineage.ts';
import type { DocumentRun, IngestionService, RequestContext } from './types.ts';

type Writes = Pick<IngestionService, 'putDocument' | 'deleteDocument'>;

/** The same methods, each write in a run of its own, unless it is called through `run`. */
export function runsOf<W extends Writes>(writes: W, begin: BeginRun): W & Pick<IngestionService, 'run'> {
  const runOf = (context: RequestContext, source: string): DocumentRun => {
    const run = begin({ tenant: context.caller.tenant, source, requestId: context.requestId });
    return { ...within(writes, run), end: (how) => run.end(how) };
  };
  const alone = async <T>(context: RequestContext, source: string, write: (run: DocumentRun) => Promise<T>): Promise<T> => {
    const run = runOf(context, source);
    try {
      return await write(run);
    } finally {
      run.end('whole');
    }
  };
  return {
    ...writes,
    run: runOf,
    putDocument: (context, source, document, body) => alone(context, source, (run) => run.putDocument(context, source, document, body)),
    deleteDocument: (context, source, document) => alone(context, source, (run) => run.deleteDocument(context, source, document)),
  };
}

function within(writes: Writes, run: IngestionRun): Writes {
  return {
    async putDocument(context, source, document, body) {
      run.by(body);
      try {
        const receipt = await writes.putDocument(context, source, document, body);
        run.wrote(receipt.changed ? 'written' : 'unchanged');
        return receipt;
      } catch (error) {
        run.failed(error);
        throw error;
      }
    },
    async deleteDocument(context, source, document) {
      try {
        await writes.deleteDocument(context, source, document);
        run.wrote('deleted');
      } catch (error) {
        run.failed(error);
        throw error;
      }
    },
  };
}
