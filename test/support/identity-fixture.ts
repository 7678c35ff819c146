import type { AppError } from '../../src/core/errors.ts';
import type { Possession } from '../../src/core/ports/identity.ts';
import { type Telemetry, silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { createIdentity, type Identity } from '../../src/identity/identity.ts';
import type { IdentityLimits } from '../../src/identity/limits.ts';
import { startTestIssuer, type TestIssuer, type TestIssuerOptions } from './test-issuer.ts';

export interface IdentityFixture {
  readonly issuer: TestIssuer;
  readonly identity: Identity;
  /** Everything logged, as JSON lines with the errors' messages. */
  readonly logged: string[];
  /** Of the clock of identity and issuer, which stands still unless it is moved: milliseconds. Not the time of the machine. */
  now(): number;
  /** Moves the clock of identity and issuer forward. */
  pass(milliseconds: number): void;
  /** `ok`, or the code of the failure. */
  outcome(token: string, possession?: Possession): Promise<string>;
  close(): Promise<void>;
}

/** A running identity over one test issuer with a clock of their own. */
export async function startIdentity(options: TestIssuerOptions = {}, limits: Partial<IdentityLimits> = {}): Promise<IdentityFixture> {
  let now = Date.now();
  const clock = { now: () => now };
  const logged: string[] = [];
  const issuer = await startTestIssuer({ now: clock.now, ...options });
  const identity = createIdentity({ issuers: [issuer.config], clock, telemetry: recorder(logged), limits });
  const signal = new AbortController().signal;
  await identity.start(signal);
  return {
    issuer,
    identity,
    logged,
    now: clock.now,
    pass: (milliseconds) => void (now += milliseconds),
    outcome: (token, possession) => outcomeOf(identity, token, logged, possession),
    async close() {
      await identity.close();
      await issuer.stop();
    },
  };
}

export async function outcomeOf(identity: Identity, token: string, logged: string[] = [], possession?: Possession): Promise<string> {
  try {
    await identity.authenticate(token, new AbortController().signal, possession);
    return 'ok';
  } catch (error) {
    const failure = error as AppError;
    // What a log would hold of it: message, stack and causes, and own fields.
    logged.push(JSON.stringify([failure.message, failure.stack, String(failure.cause), failure.issues]));
    return failure.code;
  }
}

function recorder(logged: string[]): Telemetry {
  const write = (fields: unknown, message: string, error?: unknown): void =>
    void logged.push(JSON.stringify([fields, message, String(error)]));
  return {
    ...silentTelemetry,
    log: { debug: write, info: write, warn: write, error: write },
    span(name, attributes, run) {
      logged.push(JSON.stringify([name, attributes]));
      return run();
    },
  };
}
