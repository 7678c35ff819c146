import type { Telemetry } from '../../core/ports/telemetry.ts';
import type { Database } from '../../database/database.ts';
import { currentOrigin } from './origins.ts';

/** Logs for which nothing is signed, because they are not the ones that were signed before. */
export interface Halts {
  halt(tenant: string, message: string): Promise<void>;
  /** False again once the rollback was accepted, under which the log has another name. */
  isHalted(tenant: string): Promise<boolean>;
  message(tenant: string): string | undefined;
}

export function createHalts(log: Database, telemetry: Telemetry): Halts {
  const halted = new Map<string, { readonly origin: string | undefined; readonly message: string }>();
  telemetry.gauge('audit_logs_halted', 0);
  return {
    async halt(tenant, message) {
      const origin = await currentOrigin(log.db, tenant);
      if (halted.has(tenant)) return;
      halted.set(tenant, { origin, message });
      telemetry.count('checkpoint_failures', { part: 'rollback' });
      telemetry.gauge('audit_logs_halted', halted.size);
      telemetry.log.error({ tenant }, message);
    },
    async isHalted(tenant) {
      const found = halted.get(tenant);
      if (found === undefined) return false;
      if ((await currentOrigin(log.db, tenant)) === found.origin) return true;
      halted.delete(tenant);
      telemetry.gauge('audit_logs_halted', halted.size);
      return false;
    },
    message: (tenant) => halted.get(tenant)?.message,
  };
}
