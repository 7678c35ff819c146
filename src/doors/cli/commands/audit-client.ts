import type { Commands } from '../program.ts';
import { addAuditEvents } from './audit-events.ts';
import { addAuditExport } from './audit-export.ts';
import { addAuditProofs } from './audit-prove.ts';
import { addAuditSummary } from './audit-summary.ts';

/** Questions to the audit log of a running service. */
export function addAuditClient(commands: Commands): void {
  const { program } = commands;
  const audit = program.commands.find((command) => command.name() === 'audit') ?? program.command('audit').description('the audit log');
  addAuditEvents(commands, audit);
  addAuditSummary(commands, audit);
  addAuditProofs(commands, audit);
  addAuditExport(commands, audit);
}
