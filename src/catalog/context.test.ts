import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { silentTelemetry, type Counter } from '../core/ports/telemetry.ts';
import { guard } from './context.ts';

describe('guard', () => {
  it('wraps what the database throws without the values that PostgreSQL quotes', async () => {
    const counted: Counter[] = [];
    const telemetry = { ...silentTelemetry, count: (counter: Counter) => void counted.push(counter) };
    const thrown = Object.assign(new Error('null value in column "title"'), {
      code: '23502',
      detail: 'Failing row contains (secret)',
      where: 'secret',
      parameters: ['secret'],
    });
    const error = await guard(telemetry, () => Promise.reject(thrown))().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'catalog_unavailable', status: 503 });
    const { cause } = error as AppError;
    expect(cause).toMatchObject({ message: '23502: null value in column "title"' });
    expect(JSON.stringify(Object.getOwnPropertyDescriptors(cause))).not.toContain('secret');
    expect(counted).toEqual(['outbound_failures']);
  });

  it('passes an AppError and an answer through, and holds on to what is thrown before any waiting', async () => {
    const refusal = new AppError('conflict');
    await expect(guard(silentTelemetry, () => Promise.reject(refusal))()).rejects.toBe(refusal);
    await expect(guard(silentTelemetry, (n: number) => Promise.resolve(n + 1))(1)).resolves.toBe(2);
    const throwing = guard(silentTelemetry, () => {
      throw new RangeError('at once');
    });
    await expect(throwing()).rejects.toMatchObject({ code: 'catalog_unavailable' });
  });
});
