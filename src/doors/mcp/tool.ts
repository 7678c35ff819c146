import type { CallToolResult, Tool as ToolDefinition } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { Caller } from '../../core/caller.ts';
import type { LabelScheme } from '../../core/label.ts';
import type { OpenAnswer, OpenRequest } from '../../retrieval/open-document.ts';
import type { RetrieveAnswer, RetrieveRequest } from '../../retrieval/types.ts';
import type { ServiceTelemetry } from '../../telemetry/telemetry.ts';
import type { MountedCall } from '../entrance/mount.ts';

/** What the door calls. It decides nothing itself. */
export interface McpServices {
  retrieve(caller: Caller, request: RetrieveRequest, signal: AbortSignal): Promise<RetrieveAnswer>;
  openDocument(caller: Caller, request: OpenRequest, signal: AbortSignal): Promise<OpenAnswer>;
  /** Somebody named what is hidden from them or missing. Never waits, never fails. */
  nearMiss(caller: Caller): void;
}

export interface McpDoorOptions {
  readonly services: McpServices;
  readonly labels: LabelScheme;
  readonly telemetry: ServiceTelemetry;
  readonly version: string;
  /** Bytes of a body. */
  readonly requestBytes: number;
}

/** A tool, described by constants alone: whatever a document, a source or a tenant is called, no model reads it in a description. */
export interface Tool {
  readonly definition: ToolDefinition;
  /** Rejects with `AppError`. */
  call(call: MountedCall, input: unknown): Promise<CallToolResult>;
}

type Schema = ToolDefinition['inputSchema'];

/** JSON Schema without a dialect, which clients then take as 2020-12; nothing in it means anything else in draft 7. */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _dialect, id: _id, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Schema & { id?: unknown };
  return json;
}

/** Reading, and from nowhere but this service. */
export const READS_ONLY = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false } as const;
