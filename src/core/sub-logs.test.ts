import { describe, expect, it } from 'vitest';
import type { JsonObject } from './json.ts';
import { subLogsOf } from './sub-logs.ts';

const ana = { '@person': 'p-ana' };
const ben = { '@person': 'p-ben' };
const plan = { '@document': 'd-plan' };
const APP = 'client:idp|app';

function names(kind: string, body: JsonObject, v = 2): readonly string[] {
  return subLogsOf({ v, kind, body })
    .map(({ about, what, name }) => `${about} ${what} ${name}`)
    .filter((name) => name !== `kind all ${kind}`)
    .toSorted();
}

describe('the sub-logs of an event', () => {
  it('are of its kind always, whatever it says', () => {
    for (const body of [{}, { chunks: 'none' }, { chunks: [null] }, { user: 7, by: null }, { document: { '@document': 1 } }]) {
      expect(subLogsOf({ v: 2, kind: 'release', body })).toContainEqual({
        about: 'kind',
        what: 'all',
        name: 'release',
      });
    }
  });

  it('are of whoever asked and of all that was released, each once', () => {
    const chunks = [
      { source: 'hr', document: plan },
      { source: 'hr', document: plan },
      { source: 'legal', document: { '@document': 'd-2' } },
    ];
    const released = ['document released d-2', 'document released d-plan', 'source released hr', 'source released legal'];
    expect(names('release', { user: ana, client: APP, chunks })).toEqual(
      ['caller asked p-ana', `client asked ${APP}`, ...released].toSorted(),
    );
    expect(names('intent', { user: null, client: APP })).toEqual([`client asked ${APP}`]);
  });

  it('name people and documents plainly where the event does', () => {
    const body = { user: 'user:idp|ana', client: APP, chunks: [{ source: 'hr', document: 'plan' }] };
    expect(names('release', body, 1)).toEqual([
      'caller asked user:idp|ana',
      `client asked ${APP}`,
      'document released ["hr","plan"]',
      'source released hr',
    ]);
  });

  it('tell what changed from what was looked at, and who did it from whom it concerns', () => {
    const body = { by: ana, through: APP, source: 'hr', document: plan, requester: ben };
    const who = ['caller concerned p-ben', 'caller done p-ana', `client done ${APP}`];
    expect(names('access.decided', body)).toEqual([...who, 'document changed d-plan', 'source changed hr']);
    expect(names('explain.read', body)).toEqual([...who, 'document concerned d-plan', 'source concerned hr']);
    expect(names('login.ended', { user: ana })).toEqual(['caller concerned p-ana']);
    expect(names('switch.thrown', { by: 'user:idp|ana', through: APP, kind: 'user', target: 'user:idp|ben' }, 1)).toEqual([
      'caller concerned user:idp|ben',
      'caller done user:idp|ana',
      `client done ${APP}`,
    ]);
  });
});
