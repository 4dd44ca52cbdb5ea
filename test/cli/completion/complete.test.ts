import { expect, test } from 'vitest';
import { complete } from '#src/cli/completion/complete.ts';
import { refuse, startFakeApi } from '../support/fakeApi.ts';
import { clusterAt, command, type Outcome } from '../support/kokotap.ts';
import { node, pod } from '../support/objects.ts';

const PATIENT = { KOKOTAP_COMPLETION_MS: '60000' };

/** The candidates without their explanations, and the last line. */
async function candidates(words: readonly string[], url?: string): Promise<string[]> {
  const answer = await complete(words, {
    env: PATIENT,
    open: async () => {
      if (url === undefined) throw new Error('no cluster was expected to be asked');
      return clusterAt(url);
    },
  });
  return answer
    .trim()
    .split('\n')
    .map((line) => line.split('\t', 1).join());
}

test.each([
  [['com'], ['completion', ':4']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish', ':4'],
  ],
  [['--mirrort'], ['--mirrortype', ':4']],
  [['--mirrortype='], ['--mirrortype=ingress', '--mirrortype=egress', '--mirrortype=both', ':4']],
  [
    ['--pod', 'web', '--mirrortype', 'in'],
    ['ingress', ':4'],
  ],
  [
    ['list', '-o', 'w'],
    ['wide', ':4'],
  ],
  [
    ['ls', '--out'],
    ['--output', ':4'],
  ],
  [
    ['capture', '--direction=e'],
    ['--direction=egress', ':4'],
  ],
  [['capture', '-w', ''], [':0']],
  [['--kubeconfig='], [':0']],
  [['--any-node', '--any'], [':4']],
  [
    ['--as-group=a', '--as-g'],
    ['--as-group', ':4'],
  ],
  [['--filter', ''], [':4']],
  [['nonsense', ''], [':4']],
])('%j goes on with %j', async (words, expected) => {
  expect(await candidates(words)).toEqual(expected);
});

test('commands and flags are explained', async () => {
  expect(await complete(['comp'], { env: PATIENT, open: never })).toBe(
    'completion\tprints a script that completes command lines\n:4\n',
  );
  expect(await complete(['--any'], { env: PATIENT, open: never })).toMatch(
    /^--any-node\talso nodes .*\n:4\n$/u,
  );
});

test('what the cluster has', async () => {
  const objects = [
    pod('web'),
    pod('db', { namespace: 'team' }),
    node('node-a', ['10.0.0.1']),
    pod('kokotap-web-sender', {
      metadata: { labels: { 'app.kubernetes.io/name': 'kokotap', 'kokotap.dev/tap': '270fe356c75e' } },
    }),
  ];
  await using api = await startFakeApi({ objects });
  const asked = async (...words: string[]) => candidates(words, api.url);
  expect(await asked('--pod', 'w')).toEqual(['web', ':4']);
  expect(await asked('--pod=')).toEqual(['--pod=web', '--pod=kokotap-web-sender', ':4']);
  expect(await asked('-n', 'team', '--pod=')).toEqual(['--pod=db', ':4']);
  expect(await asked('--dest-namespace=team', '--dest-pod', '')).toEqual(['db', ':4']);
  expect(await asked('--dest-node', '')).toEqual(['node-a', ':4']);
  expect(await asked('list', '-n', '')).toEqual(['default', 'kube-system', ':4']);
  expect(await asked('delete', '')).toEqual(['270fe356c75e', ':4']);
  expect(await asked('capture', 'web', 'node/')).toEqual(['node/node-a', ':4']);
  expect(await asked('capture', 'tap/')).toEqual(['tap/270fe356c75e', ':4']);
  // No space follows what is only the beginning of a word.
  expect(await asked('capture', 'de')).toEqual(['deploy/', ':6']);
  expect(await asked('capture', 'w')).toEqual(['web', ':4']);
});

test('without an answer there are no candidates, and no words about it', async () => {
  await using api = await startFakeApi({ override: () => refuse(403, 'Forbidden', 'no') });
  expect(await candidates(['--pod', ''], api.url)).toEqual([':4']);
  expect(await candidates(['--pod', ''])).toEqual([':4']);
  const late = {
    env: { KOKOTAP_COMPLETION_MS: '1' },
    open: async () => Promise.withResolvers<never>().promise,
  };
  expect(await complete(['--pod', ''], late)).toBe(':4\n');
});

test('a script for each of three shells, and for no other', async () => {
  for (const shell of ['bash', 'zsh', 'fish'])
    expect((await command(['completion', shell])).stdout).toContain(`kokotap completion ${shell}`);
  expect(await command(['completion', 'tcsh'])).toEqual(refused('Shell "tcsh" is not possible'));
  expect(await command(['completion'])).toEqual(refused('The shell is missing'));
});

function refused(said: string): Outcome {
  return { exitCode: 2, stdout: '', stderr: `kokotap: ${said}: give one of bash, zsh, fish\n` };
}

async function never(): Promise<never> {
  throw new Error('no cluster was expected to be asked');
}
