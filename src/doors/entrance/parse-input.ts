import type { z } from 'zod';
import { AppError, type InputIssue } from '../../core/errors.ts';
import { pointerTo } from '../../core/pointer.ts';

const MAX_ISSUES = 16;

/** Our own words for each kind of issue: zod's may quote what came in. */
function messageOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected}`;
    case 'too_big':
      return `at most ${issue.maximum} ${unitOf(issue.origin)}`.trimEnd();
    case 'too_small':
      return `at least ${issue.minimum} ${unitOf(issue.origin)}`.trimEnd();
    case 'invalid_value':
      return `one of: ${issue.values.map(String).join(', ')}`;
    case 'invalid_format':
      return issue.format === 'regex' ? 'not in the documented form' : `not a valid ${issue.format}`;
    case 'custom':
      return issue.message;
    case 'unrecognized_keys':
      return 'unknown key';
    case 'not_multiple_of':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      return 'not valid';
  }
}

function unitOf(origin: string): string {
  switch (origin) {
    case 'string':
      return 'characters';
    case 'array':
      return 'entries';
    default:
      return '';
  }
}

function issuesOf(error: z.core.$ZodError, prefix: string): readonly InputIssue[] {
  const issues: InputIssue[] = [];
  for (const issue of error.issues) {
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of paths) {
      if (issues.length === MAX_ISSUES) return issues;
      issues.push({ pointer: prefix + pointerTo(path), message: messageOf(issue) });
    }
  }
  return issues;
}

/** Fails with `invalid_request`, naming at most 16 places and quoting no value. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown, prefix = ''): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new AppError('invalid_request', { issues: issuesOf(result.error, prefix) });
}
