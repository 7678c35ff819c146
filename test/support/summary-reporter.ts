import { writeSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
}

/** `N passed, M failed`, with `, K skipped` where any: the line that other tools read. */
export function summaryLine(summary: Summary): string {
  const skipped = summary.skipped.length === 0 ? '' : `, ${summary.skipped.length} skipped`;
  return `${summary.passed} passed, ${summary.failed} failed${skipped}`;
}

function whySkipped(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  if (test.options.mode === 'todo') return 'marked todo';
  if (test.options.mode === 'skip') return 'marked skip, and no reason given (use ctx.skip(reason))';
  return 'not run: its set-up failed, or another test is marked only';
}

/** A file or suite that breaks outside its tests (an import, a beforeAll) leaves no failed test behind; count it as one. */
function brokenOutsideTests(module: TestModule): number {
  const suites = [...module.children.allSuites()].filter((suite) => suite.errors().length > 0).length;
  return suites + (module.errors().length > 0 ? 1 : 0);
}

export function summarise(modules: readonly TestModule[], unhandledErrors: number): Summary {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const inState = (state: string) => tests.filter((test) => test.result().state === state);
  const broken = modules.reduce((sum, module) => sum + brokenOutsideTests(module), unhandledErrors);
  return {
    passed: inState('passed').length,
    // A test still pending at the end never finished.
    failed: inState('failed').length + inState('pending').length + broken,
    skipped: inState('skipped').map((test) => ({ name: `${test.module.relativeModuleId} > ${test.fullName}`, why: whySkipped(test) })),
  };
}

/**
 * Names every skipped test with its reason and makes the count the last line of all output. With `CI=true` a skipped
 * test fails the run. A run that breaks off is never reported as one without failures.
 */
export function summaryReporter(): Reporter {
  let summary: Summary | undefined;
  let narrowed = false;
  let watching = false;

  function printLast(): void {
    if (watching) return;
    const lines: string[] = [];
    let result = summary ?? { passed: 0, failed: 1, skipped: [] };
    if (summary === undefined) lines.push('The run broke off before its end.');
    if (result.failed === 0 && (process.exitCode ?? 0) !== 0) {
      lines.push('The run failed outside the tests; see above.');
      result = { ...result, failed: 1 };
    }
    // A run narrowed by name leaves the rest out on purpose.
    if (!narrowed) lines.push(...result.skipped.map(({ name, why }) => `skipped: ${name}: ${why}`));
    if (!narrowed && result.skipped.length > 0 && process.env['CI'] === 'true') {
      lines.push('In CI no test may be skipped.');
      process.exitCode = 1;
    }
    if (result.failed > 0) process.exitCode = 1;
    // Synchronous, and at exit: nothing else can come after it.
    writeSync(1, `\n${[...lines, summaryLine(result)].join('\n')}\n`);
  }

  return {
    onInit(vitest) {
      narrowed = vitest.config.testNamePattern !== undefined;
      watching = vitest.config.watch;
      process.once('exit', printLast);
    },
    onTestRunEnd(modules, unhandledErrors) {
      summary = summarise(modules, unhandledErrors.length);
    },
  };
}
