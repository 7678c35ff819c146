import { createSluiceClient, SluiceError } from './client/sluice-client.ts';
import { answerLocally } from './local-model.ts';

const { SLUICE_URL: url = 'http://127.0.0.1:8080', SLUICE_TOKEN: token = '' } = process.env;
const question = process.argv.slice(2).join(' ') || 'How long is parental leave?';
const sluice = createSluiceClient({ url, token });

try {
  const { requestId, chunks, context } = await sluice.retrieve({ query: question, limit: 4, context: { format: 'xml' } });
  if (context?.text === undefined || chunks.length === 0) throw new Error('nothing that you may read answers this');

  const prompt = `Answer from the context alone, and cite each sentence by the rank of its chunk, like [1].\n${context.text}\n${question}`;
  await sluice.admitted(
    requestId,
    chunks.map(({ id }) => id),
    prompt,
  );
  const answer = answerLocally(prompt, question);

  const { decision, reasons, findings } = await sluice.checkOutput(requestId, answer);
  const cited = new Set(findings?.cited.map(({ chunk }) => chunk));
  await sluice.cited(requestId, [...cited]);

  console.log(decision === 'block' ? `The answer is withheld: ${reasons.join(', ')}` : answer);
  for (const { id, rank, provenance } of chunks.filter((chunk) => cited.has(chunk.id))) {
    console.log(`[${rank}] ${provenance.document.title}, ${provenance.source.title}, ${provenance.label.level} (${id})`);
  }
  console.log(`${decision}; to see what the log holds of it, as somebody who may: sluice trace ${requestId}`);
} catch (error) {
  console.error(error instanceof SluiceError ? error.message : String(error));
  process.exitCode = 1;
}
