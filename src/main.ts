import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import {
  ConfigError,
  explainConfig,
  loadClientConfig,
  loadConfig,
  loadLocalConfig,
  processEnvironment,
  type Environment,
} from './config.ts';
import { AppError } from './core/errors.ts';
import { CommandFailure } from './doors/cli/failure.ts';
import type { House } from './doors/cli/house.ts';
import { runCommandLine } from './doors/cli/program.ts';
import { createTerminal, type Terminal } from './doors/cli/terminal.ts';

// Rooms are loaded by the commands that need them, so that a client command starts without the service's weight.

export interface Surroundings {
  readonly environment: Environment;
  readonly terminal: Terminal;
}

/**
 * Runs one command line (`docs/cli.md`) and answers its exit code: 0 done, 1 refused or found wrong, 2 usage. In the
 * process's own surroundings, unless others are given.
 */
export async function run(argv: readonly string[], surroundings: Partial<Surroundings> = {}): Promise<number> {
  const { environment = processEnvironment(), terminal = processTerminal() } = surroundings;
  return runCommandLine(argv, createHouse({ environment, terminal }), terminal);
}

function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    // Whoever read along (`| head`) has left. What was started must still be stopped and cleaned up, so go on without them.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return createTerminal(process.stdout, process.stderr);
}

const { version } = manifest;
const TOKEN_MS = 10_000;

function createHouse({ environment, terminal }: Surroundings): House {
  return {
    version,
    async serve({ development }) {
      const config = configured(() => loadConfig(environment, readText, { development }));
      const { runService } = await import('./service/run-service.ts');
      await runService(config, { version, say: terminal.err });
      return 0;
    },
    async demo(options) {
      const { runDemo } = await import('../demo/run.ts');
      return runDemo({ ...options, version, terminal });
    },
    explainConfig: () => explainConfig(configured(() => loadConfig(environment, readText))),
    async localPolicy(directory, tenant) {
      const { localPolicy } = await import('./service/local-commands.ts');
      return localPolicy(directory === undefined ? localConfig(environment).policyDir : resolve(directory), tenant);
    },
    async testPolicy(directory) {
      const { testPolicy } = await import('./service/local-commands.ts');
      return testPolicy(directory === undefined ? localConfig(environment).policyDir : resolve(directory));
    },
    async createTenant(wanted) {
      const { createTenant } = await import('./service/local-commands.ts');
      await createTenant(localConfig(environment), wanted).catch((error: unknown) => {
        throw notMade(wanted.tenant, error);
      });
    },
    changeSwitch: async (wanted) => (await local()).changeLocalSwitch(localConfig(environment), wanted),
    listSwitches: async (tenant) => (await local()).listLocalSwitches(localConfig(environment), tenant),
    async verifyAudit(tenant) {
      const { verifyAudit } = await import('./service/local-commands.ts');
      return verifyAudit(localConfig(environment), tenant);
    },
    rotateKey: async (kind) => (await local()).rotateSigningKey(localConfig(environment), kind),
    acceptRollback: async (wanted) => (await local()).acceptLocalRollback(localConfig(environment), wanted),
    clientSettings: () => configured(() => loadClientConfig(environment)),
    secret: (name) => environment[name],
    async developmentToken(asked) {
      const { requestDevToken } = await import('./identity/dev-issuer/request-dev-token.ts');
      return requestDevToken({ ...asked, signal: AbortSignal.timeout(TOKEN_MS) });
    },
    async openTree(directory, selection) {
      const { openTree } = await import('./service/open-tree.ts');
      return openTree(localConfig(environment).policyDir, directory, selection);
    },
  };
}

function local() {
  return import('./service/local-commands.ts');
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function localConfig(environment: Environment): ReturnType<typeof loadLocalConfig> {
  return configured(() => loadLocalConfig(environment));
}

/** A command that cannot even be configured was not usable as it was written. */
function configured<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const places = error.problems.map(({ key, message }) => ({ pointer: key, message }));
    throw new CommandFailure('the configuration cannot be used', { code: 'config', exitCode: 2, places });
  }
}

function notMade(tenant: string, error: unknown): unknown {
  if (!(error instanceof AppError)) return error;
  if (error.code === 'conflict') return new CommandFailure(`there is a tenant ${tenant} already`, { code: error.code });
  if (error.code !== 'invalid_request') return error;
  return new CommandFailure('the tenant was not made', { code: error.code, places: error.issues });
}
