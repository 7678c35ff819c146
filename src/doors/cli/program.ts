import { Command, CommanderError } from 'commander';
import { addAdopt } from './commands/adopt.ts';
import { addApplicationKeys } from './commands/application-keys.ts';
import { addAuditClient } from './commands/audit-client.ts';
import { addCollections } from './commands/collections.ts';
import { addErase } from './commands/erase.ts';
import { addExplain } from './commands/explain.ts';
import { addIngest } from './commands/ingest.ts';
import { addKeys } from './commands/keys.ts';
import { addLabel } from './commands/label.ts';
import { addLocal } from './commands/local.ts';
import { addReconcile } from './commands/reconcile.ts';
import { addOutput } from './commands/output.ts';
import { addPolicyClient } from './commands/policy.ts';
import { addReplay } from './commands/replay.ts';
import { addService } from './commands/service.ts';
import { addToken } from './commands/token.ts';
import { addSwitch } from './commands/switch.ts';
import { addTrace } from './commands/trace.ts';
import { addVerify } from './commands/verify.ts';
import { asFailure, type CommandFailure } from './failure.ts';
import type { House } from './house.ts';
import { printable, type Terminal } from './terminal.ts';

/** What every command gets. */
export interface Commands {
  readonly program: Command;
  readonly house: House;
  readonly terminal: Terminal;
  /** Runs the body of a command; its number is the exit code. `json` is the global option. */
  action(body: (json: boolean, command: Command) => Promise<number>): (...args: unknown[]) => Promise<void>;
}

/** Runs one command line. Answers 0 done, 1 refused or found wrong, 2 usage; never rejects. */
export async function runCommandLine(argv: readonly string[], house: House, terminal: Terminal): Promise<number> {
  let exitCode = 0;
  const program = createProgram(house, terminal);
  const commands: Commands = {
    program,
    house,
    terminal,
    action:
      (body) =>
      async (...args) => {
        const command = args.at(-1) as Command;
        exitCode = await body(isJson(program), command);
      },
  };
  for (const add of [
    addService,
    addLocal,
    addAuditClient,
    addToken,
    addIngest,
    addLabel,
    addSwitch,
    addApplicationKeys,
    addCollections,
    addAdopt,
    addTrace,
    addOutput,
    addReconcile,
    addExplain,
    addPolicyClient,
    addKeys,
    addVerify,
    addReplay,
    addErase,
  ])
    add(commands);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(asFailure(error), terminal, isJson(program));
  }
}

function createProgram(house: House, terminal: Terminal): Command {
  return new Command('sluice')
    .description('Identity-aware retrieval for RAG: what may this person, through this application, read now?')
    .version(house.version)
    .option('--json', 'one JSON object a line instead of text for people')
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => terminal.out(text.trimEnd()), writeErr: (text) => terminal.err(text.trimEnd()) })
    .exitOverride();
}

function isJson(program: Command): boolean {
  return program.opts<{ json?: true }>().json === true;
}

function report(failure: CommandFailure, terminal: Terminal, json: boolean): number {
  const { code, message, places, requestId, exitCode } = failure;
  if (json) {
    const error = { code, detail: message, ...(requestId === undefined ? {} : { requestId }), ...(places.length > 0 ? { places } : {}) };
    terminal.out(JSON.stringify({ error }));
    return exitCode;
  }
  const lines = [
    `sluice: ${message}${code === 'failed' || code === 'usage' ? '' : ` (${code})`}`,
    ...places.map((place) => `  ${printable(place.pointer)}: ${printable(place.message)}`),
    ...(requestId === undefined ? [] : [`  request ${requestId}`]),
  ];
  for (const line of lines) terminal.err(line);
  return exitCode;
}
