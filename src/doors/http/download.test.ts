import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { openDoor, token, type Fixture } from './door.fixture.ts';

const PART = 'x'.repeat(65_536);
const AUDITOR = token('ada', ['audit']);

/** Parts without an end, and what became of them. */
function endless() {
  const state = { given: 0, ended: false };
  async function* parts(): AsyncGenerator<string, void> {
    try {
      for (;;) {
        state.given += 1;
        yield PART;
        await sleep(0);
      }
    } finally {
      state.ended = true;
    }
  }
  return { state, parts };
}

function begin(door: Fixture) {
  const asked = request(`${door.at.url}/v1/audit/export`, { headers: { authorization: `Bearer ${AUDITOR}` } });
  asked.end();
  return asked;
}

async function answered(asked: ReturnType<typeof begin>) {
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

const until = async (condition: () => boolean): Promise<void> => {
  await expect.poll(condition).toBe(true);
};

describe('a download', () => {
  it('is sent whole, with its name and type', async () => {
    const door = await openDoor({
      exportAudit: () =>
        Promise.resolve(
          (async function* () {
            yield 'a\n';
            yield 'b\n';
          })(),
        ),
    });
    const answer = await fetch(`${door.at.url}/v1/audit/export?format=csv`, { headers: { authorization: `Bearer ${AUDITOR}` } });
    expect([answer.status, await answer.text()]).toEqual([200, 'a\nb\n']);
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="audit.csv"');
    await door.door.close(0);
  });

  it('waits for a client that does not read, and ends when it goes', async () => {
    const { state, parts } = endless();
    const door = await openDoor({ exportAudit: () => Promise.resolve(parts()) });
    const asked = begin(door);
    const response = await answered(asked);
    response.pause();
    let before = -1;
    let still = 0;
    // What is between here and there fills up; then nothing more is asked for, however often we look.
    await until(() => {
      still = state.given === before && state.given > 0 ? still + 1 : 0;
      before = state.given;
      return still === 10;
    });
    await sleep(50);
    expect(state.given).toBe(before);
    expect(state.ended).toBe(false);
    asked.destroy();
    await until(() => state.ended);
    await door.door.close(0);
  });

  it('ends with the service, and cannot be taken for whole', async () => {
    const { state, parts } = endless();
    const door = await openDoor({ exportAudit: () => Promise.resolve(parts()) });
    const response = await answered(begin(door));
    const cut = once(response, 'error').then(([error]) => (error as NodeJS.ErrnoException).code);
    response.resume();
    await until(() => state.given > 3);
    await door.door.close(5_000);
    expect(await cut).toBe('ECONNRESET');
    await until(() => state.ended);
  });

  it('is an answer of its own where it cannot begin, and cut off where it cannot go on', async () => {
    const refuse = AUDITOR !== '';
    const refused = await openDoor({
      exportAudit: () =>
        Promise.resolve(
          (async function* () {
            await sleep(0);
            if (refuse) throw new AppError('audit_unavailable');
            yield '';
          })(),
        ),
    });
    const answer = await fetch(`${refused.at.url}/v1/audit/export`, { headers: { authorization: `Bearer ${AUDITOR}` } });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([503, 'audit_unavailable']);
    await refused.door.close(0);
    const broken = await openDoor({
      exportAudit: () =>
        Promise.resolve(
          (async function* () {
            yield PART;
            throw new AppError('audit_unavailable');
          })(),
        ),
    });
    const half = await fetch(`${broken.at.url}/v1/audit/export`, { headers: { authorization: `Bearer ${AUDITOR}` } });
    await expect(half.text()).rejects.toThrow();
    await broken.door.close(0);
  });

  it('is one of two at a time in its tenant', async () => {
    const { parts } = endless();
    const door = await openDoor({ exportAudit: () => Promise.resolve(parts()) });
    const asked = [];
    for (let at = 0; at < 2; at += 1) {
      const one = begin(door);
      (await answered(one)).pause();
      asked.push(one);
    }
    const third = await fetch(`${door.at.url}/v1/audit/export`, { headers: { authorization: `Bearer ${AUDITOR}` } });
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '10']);
    await third.text();
    for (const one of asked) one.destroy();
    await expect
      .poll(async () => {
        const next = begin(door);
        const { statusCode } = await answered(next);
        next.destroy();
        return statusCode;
      })
      .toBe(200);
    await door.door.close(0);
  });
});
