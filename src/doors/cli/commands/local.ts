import { addAuditVerify } from './audit.ts';
import { CommandFailure } from '../failure.ts';
import type { PolicyReport } from '../house.ts';
import type { Commands } from '../program.ts';
import { addAcceptRollback } from './accept-rollback.ts';
import { addRotateKey } from './keys.ts';
import { addLocalSwitch } from './switch.ts';
import { printable, type Terminal } from '../terminal.ts';

/** Commands on the machine itself: configuration, policy files, the first tenant, the audit log. */
export function addLocal(commands: Commands): void {
  addConfig(commands);
  addPolicy(commands);
  addAdmin(commands);
  addAuditVerify(commands, commands.program.command('audit').description('the audit log'));
}

function addConfig({ program, house, terminal, action }: Commands): void {
  const config = program.command('config').description('the configuration');
  config
    .command('check')
    .description('explain the configuration, or name everything that is wrong with it')
    .action(
      action(async (json) => {
        try {
          const text = house.explainConfig();
          terminal.out(json ? JSON.stringify({ ok: true, settings: text.split('\n') }) : text);
          return 0;
        } catch (error) {
          if (!(error instanceof CommandFailure)) throw error;
          // Here a bad configuration is what was looked for, not a command that cannot be run.
          throw new CommandFailure(error.message, { code: error.code, places: error.places, exitCode: 1 });
        }
      }),
    );
}

function addPolicy({ program, house, terminal, action }: Commands): void {
  const policy = program.command('policy').description('policy files');
  policy
    .command('test')
    .description('check the policy files and run their cases')
    .argument('[directory]', 'SLUICE_POLICY_DIR, else the policies that came along')
    .action(
      action(async (json, command) => {
        const report = await house.testPolicy(command.args[0]);
        const ok = report.problems.length === 0 && report.failed.length === 0;
        if (json) terminal.out(JSON.stringify({ ok, ...report }));
        else printPolicy(terminal, report);
        return ok ? 0 : 1;
      }),
    );
}

function printPolicy({ out, colors }: Terminal, { problems, passed, failed }: PolicyReport): void {
  for (const problem of problems) out(`${colors.red('wrong')}  ${printable(problem)}`);
  for (const { file, who, action, purpose, zone, expected, actual, because } of failed) {
    out(`${colors.red('wrong')}  ${file}: ${who} · ${action} · ${zone} · ${purpose}: expected ${expected}, got ${actual} (${because})`);
  }
  if (problems.length > 0) out(`${problems.length} problems; no case was run`);
  else out(`${passed + failed.length} decisions, ${failed.length} wrong`);
}

function addAdmin(commands: Commands): void {
  const { program, house, terminal, action } = commands;
  const admin = program.command('admin').description('what is done on the machine, audited');
  addLocalSwitch(commands, admin);
  addRotateKey(commands, admin);
  addAcceptRollback(commands, admin);
  admin
    .command('create-tenant')
    .description('make a tenant, with its lines of the policy files and a first administrator')
    .argument('<tenant>', 'lower-case letters, digits and hyphens')
    .requiredOption('--administrator <principal>', 'user:<issuer>|<sub> or group:<issuer>|<id>')
    .action(
      action(async (json, command) => {
        const tenant = command.args[0] ?? '';
        const { administrator } = command.opts<{ administrator: string }>();
        await house.createTenant({ tenant, administrator });
        terminal.out(json ? JSON.stringify({ tenant, administrator, created: true }) : `made ${tenant}; administrator ${administrator}`);
        return 0;
      }),
    );
}
