import path from 'node:path';

/** What vitest's JSON report says of a file. Times are in milliseconds since 1970. */
export interface FileResult {
  readonly name: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    /** In milliseconds. */
    readonly duration?: number;
    readonly failureMessages: readonly string[];
  }[];
}

/** A part of a run, in milliseconds since 1970. */
export interface Part {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What failed and why, a few lines each: the end of a long output is what is kept of it. */
export function failures(files: readonly FileResult[]): string {
  return files
    .flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === 'failed')
        .map(
          ({ fullName, failureMessages: [message = ''] }) =>
            `FAILED ${path.relative('.', name)}: ${fullName}: ${reasonIn(message)}\n`,
        ),
    )
    .join('');
}

/** The beginning of a message without its stack. That of a property goes on with its seed and its counterexample. */
function reasonIn(message: string): string {
  const [text = ''] = message.split(/\n\s+at /, 1);
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, mostReasonLines)
    .map((line) => line.slice(0, longestReasonLine))
    .join('\n  ');
}

const mostReasonLines = 5;
/** In characters. */
const longestReasonLine = 300;

/** The slowest tests, a line each. */
export function slowest(files: readonly FileResult[]): string {
  const lines = files
    .flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ fullName, duration = 0 }) => ({
        duration,
        text: `${path.relative('test', name)}: ${fullName}`,
      })),
    )
    .toSorted((a, b) => b.duration - a.duration)
    .slice(0, slowestCount)
    .map(({ duration, text }) => `${seconds(duration)}  ${text}\n`);
  return `\n== the ${lines.length} slowest tests\n${lines.join('')}`;
}

const slowestCount = 20;

/** The parts that the tests of a run of vitest, which began at this time, consist of. What comes before the first is set-up. */
export function partsOf(files: readonly FileResult[], startMs: number): Part[] {
  const tests = files
    .map(({ name, startTime, endTime }) => ({ name: partOf(name), startMs: startTime, endMs: endTime }))
    .toSorted((a, b) => a.startMs - b.startMs);
  const [first] = tests;
  return first === undefined ? [] : [{ name: 'set-up', startMs, endMs: first.startMs }, ...tests];
}

function partOf(file: string): string {
  const [, folder = '', apart = ''] = /^test\/(\w+)\/(faults|gone)?/.exec(path.relative('.', file)) ?? [];
  if (folder === 'boot') return 'virtual machine';
  if (folder !== 'kernel' && folder !== 'cluster') return 'unit';
  const names: Readonly<Record<string, string>> = { faults: 'faults', gone: 'leftovers' };
  return apart in names ? `${folder}: ${names[apart]}` : folder;
}

/** When each part of a run began and how long it took, a line each. Some go on at the same time. */
export function times(all: readonly Part[], startMs: number, endMs: number): string {
  const names = [...new Set(all.map(({ name }) => name))];
  const lines = names.map((name) => {
    const those = all.filter((part) => part.name === name);
    const beginMs = Math.min(...those.map((part) => part.startMs));
    const tookMs = Math.max(...those.map((part) => part.endMs)) - beginMs;
    return `${name.padEnd(18)} begins ${seconds(beginMs - startMs)}  takes ${seconds(tookMs)}\n`;
  });
  return `\n== time\n${lines.join('')}${'all'.padEnd(33)}takes ${seconds(endMs - startMs)}\n`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(7)} s`;
}
