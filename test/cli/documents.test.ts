import { existsSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { flagsTable, tablePattern } from '../../scripts/flagsTable.ts';
import { codeOf, commandsOf, DOCUMENTS, textOf } from '../support/documents.ts';
import { temporaryFolder } from './support/folder.ts';
import { kokotap, PROGRAM } from './support/kokotap.ts';
import { LEAST_NODE } from './support/nodes.ts';

const tap = '--pod=web --dest-node=node-b';
/** How far a command gets that has nothing wrong in it. */
const understood = 'kokotap: kokotap reaches the cluster through kubectl, and there is no "/nonexistent"';

test('kokotap understands every command line of the documents', async () => {
  const lines = commandsOf('kokotap').map(({ command }) => command.replace('…', tap));
  expect(lines).toContain('kokotap --pod=web --mirrortype=both --dest-node=node-b --vxlan-id=100');
  expect(await refused(lines)).toEqual([]);
});

test('kokotap has every flag that README names, and takes its examples', async () => {
  const flags = codeOf(textOf('README.md')).filter((code) => /^--?[a-z]/u.test(code));
  const examples = flags.filter((flag) => flag.includes('='));
  expect(examples).toContain('--pod-ifname=eth0,lo');
  expect(await refused(examples.map((flag) => `kokotap ${tap} ${flag}`))).toEqual([]);
  const known = (await kokotap(['--help'])).stdout.split(/[\s,]+/u);
  expect(flags.filter((flag) => !flag.includes('=') && !known.includes(flag))).toEqual([]);
});

test("README's table of flags is the one that scripts/flagsTable.ts makes", () => {
  expect(tablePattern.exec(textOf('README.md'))?.[0]).toBe(flagsTable());
});

test('make has every target of the documents', async () => {
  const { stdout } = await execa('make', ['help']);
  const targets = stdout.split('\n').map((line) => line.split(' ')[0]);
  const named = commandsOf('make').map(({ command }) => command.split(' ')[1]);
  expect(named).toContain('demo');
  for (const target of named) expect(targets).toContain(target);
});

test('every script and test that the documents run is there', () => {
  const scripts = DOCUMENTS.flatMap((file) => codeOf(textOf(file))).flatMap(
    (code) => /^(?:sudo )?(lab\/[a-z]+)(?: |$)/u.exec(code)?.[1] ?? [],
  );
  expect(scripts).toContain('lab/up');
  expect(scripts.filter((script) => !existsSync(script))).toEqual([]);
  const files = commandsOf('npx').flatMap(({ command }) => command.match(/\S+\.ts/gu) ?? []);
  expect(files).toContain('bench/bench.ts');
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
});

test('every file that a document links to is there', () => {
  const links = DOCUMENTS.flatMap((file) =>
    [...textOf(file).matchAll(/\]\((?!https?:|#)([^)#]+)/gu)].map(([, link = '']) =>
      path.join(path.dirname(file), link),
    ),
  );
  expect(links).toContain('docs/architecture.md');
  expect(links.filter((link) => !existsSync(link))).toEqual([]);
});

/** The command lines that kokotap does not take, each with what it says. */
async function refused(lines: readonly string[]): Promise<string[]> {
  const outcomes = await Promise.all([...new Set(lines)].map(typed));
  return outcomes.flatMap(({ exitCode, command, stderr }) =>
    exitCode === 0 || stderr.startsWith(understood) ? [] : `${command}: ${stderr}`,
  );
}

/** Runs a command line as a user does who has kokotap in the PATH, but no cluster. */
async function typed(line: string) {
  const folder = await temporaryFolder();
  await symlink(PROGRAM, path.join(folder, 'kokotap'));
  return execa('bash', ['-c', line], {
    reject: false,
    env: {
      PATH: `${folder}:${path.dirname(LEAST_NODE)}:${process.env['PATH'] ?? ''}`,
      KUBECTL: '/nonexistent',
    },
  });
}
