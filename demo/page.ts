import type { Colors, Terminal } from '../src/doors/cli/terminal.ts';
import { printable } from '../src/doors/cli/terminal.ts';
import type { SceneResult } from './scene.ts';

/** Columns of the terminal that are used. */
export const WIDTH = 96;
const INDENT = '   ';

export interface Page {
  title(text: string): void;
  note(text: string): void;
  scene(number: number, result: SceneResult): void;
  end(ok: boolean, text: string): void;
}

export function createPage({ out, colors }: Pick<Terminal, 'out' | 'colors'>): Page {
  return {
    title(text) {
      out('');
      out(` ${colors.bold('Sluice')}  ${text}`);
    },
    note: (text) => out(` ${colors.dim(text)}`),
    scene(number, result) {
      out('');
      out(` ${colors.bold(colors.cyan(String(number)))} ${colors.bold(result.headline)}`);
      if (result.question !== undefined) out(`${INDENT}${colors.italic(`“${result.question}”`)}`);
      if (result.columns.length > 0) for (const line of table(result, colors)) out(INDENT + line);
      for (const line of result.lines) out(`${INDENT}${colors.dim('│')} ${fit(printable(line), WIDTH - INDENT.length - 2)}`);
      for (const line of wrap(result.why, WIDTH - INDENT.length)) out(INDENT + line);
      for (const line of verdict(result, colors)) out(INDENT + line);
    },
    end(ok, text) {
      out('');
      out(` ${ok ? colors.green('✓') : colors.red('✗')} ${colors.bold(text)}`);
    },
  };
}

/** One line a document, one column an asker: who was shown what, under which label. */
function table({ columns }: SceneResult, colors: Colors): readonly string[] {
  const documents = new Map(columns.flatMap(({ answer }) => answer.shown.map((shown) => [`${shown.name} ${shown.level}`, shown] as const)));
  // One document under two labels stands on two lines, one below the other.
  const rows = [...Map.groupBy(documents.values(), ({ name }) => name).values()].flat();
  const levelWidth = Math.max(5, ...rows.map(({ level }) => level.length));
  const room = WIDTH - INDENT.length - levelWidth - 12 - columns.reduce((sum, { name }) => sum + name.length + 2, 0);
  const nameWidth = Math.max(8, ...rows.map(({ name }) => shortened(name, room).length));
  const head = `${'document'.padEnd(nameWidth)}  ${'level'.padEnd(levelWidth)}  trust   `;
  const lines = rows.map(({ name, level, trust }) => {
    const marks = columns.map((column) => {
      const seen = column.answer.shown.some((shown) => shown.name === name && shown.level === level);
      const mark = ' '.repeat(Math.floor((column.name.length - 1) / 2)) + (seen ? '●' : '·');
      const padded = mark.padEnd(column.name.length);
      return seen ? colors.green(padded) : colors.dim(padded);
    });
    const label = levelColor(colors, level)(level.padEnd(levelWidth));
    const trusted = trust === 'external' ? colors.magenta(trust) : trust;
    return `${printable(shortened(name, room)).padEnd(nameWidth)}  ${label}  ${trusted}${' '.repeat(8 - trust.length)}  ${marks.join('  ')}`.trimEnd();
  });
  return [colors.dim(`${head}  ${columns.map(({ name }) => name).join('  ')}`), ...lines];
}

/** Source and file name tell a document apart; what stands between them gives way first. */
function shortened(name: string, room: number): string {
  if (name.length <= room) return name;
  const parts = name.split('/');
  return fit(parts.length > 2 ? `${parts[0] ?? ''}/…/${parts.at(-1) ?? ''}` : name, room);
}

function levelColor(colors: Colors, level: string): (text: string) => string {
  if (level.startsWith('public')) return colors.green;
  if (level.startsWith('internal')) return colors.cyan;
  return level.startsWith('confidential') ? colors.yellow : colors.red;
}

function verdict({ checks }: SceneResult, colors: Colors): readonly string[] {
  const broken = checks.filter(({ ok }) => !ok);
  if (broken.length === 0) return [colors.green(`✓ as expected, ${checks.length} checks`)];
  return broken.map(({ what }) => colors.red(`✗ not true: ${what}`));
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
