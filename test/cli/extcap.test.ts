import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { expect, inject, test } from 'vitest';
import { startFakeApi } from './support/fakeApi.ts';
import { temporaryFolder } from './support/folder.ts';
import { command, kokotap, kubeconfig, kubeconfigFile, type Outcome } from './support/kokotap.ts';
import { pod } from './support/objects.ts';

/** Installs for the pods of a namespace, as somebody who has kubectl in his PATH. */
async function install(url: string, folder: string, ...flags: string[]): Promise<Outcome> {
  const kubectl = inject('kubectl');
  const file = await kubeconfigFile(kubeconfig(url));
  const env = { KUBECTL: '', PATH: `${path.dirname(kubectl)}:${process.env['PATH'] ?? ''}` };
  return kokotap(['extcap', '--install', `--folder=${folder}`, `--kubeconfig=${file}`, ...flags], env);
}

/** As root tshark does not look into the folder that the environment names. */
const listing = ['unshare', '--user', '--map-user=1000', '--map-group=1000', 'tshark', '-D'];

function environment(folder: string) {
  return { PATH: '/usr/bin:/bin', HOME: folder, WIRESHARK_EXTCAP_DIR: folder };
}

/** The CPU time of a program and of all that it starts: what else the machine does adds little to it. */
async function cpuSeconds(program: readonly string[], env: Record<string, string>): Promise<number> {
  const script = `TIMEFORMAT='%U %S'; time "$@" >/dev/null 2>&1`;
  const { stderr } = await execa('bash', ['-c', script, 'bash', ...program], { extendEnv: false, env });
  return stderr.split(' ').reduce((sum, seconds) => sum + Number(seconds), 0);
}

const IDLE_NODE_SECONDS = 0.04;

test('tshark lists a hundred pods as interfaces, which costs at most 1.5 s', async () => {
  const objects = Array.from({ length: 100 }, (_, index) => pod(`web-${index}`, { namespace: 'shop' }));
  await using api = await startFakeApi({ objects: [...objects, pod('other')] });
  const folder = await temporaryFolder();
  const installed = await install(api.url, folder, '-n=shop');
  expect(installed).toMatchObject({ exitCode: 0, stderr: '' });
  expect(installed.stdout).toContain(`${folder}/kokotap\n`);
  const [program = '', ...args] = listing;
  const { stdout } = await execa(program, args, { extendEnv: false, env: environment(folder) });
  const lines = stdout.split('\n').map((line) => line.replace(/^\d+\. /u, ''));
  // The machine has interfaces of its own.
  const own = lines.filter((line) => /^kokotap(?::|-other)/u.test(line));
  expect(own).toHaveLength(101);
  expect(own).toContain('kokotap:web-99 (kokotap: pod web-99)');
  expect(own).toContain('kokotap-other (kokotap: other targets)');
  const empty = await temporaryFolder();
  const node = await cpuSeconds([process.execPath, '--eval', '0'], environment(empty));
  const took =
    (await cpuSeconds(listing, environment(folder))) - (await cpuSeconds(listing, environment(empty)));
  // Where Node.js takes longer than on an idle machine, so does all else.
  expect(took).toBeLessThan(1.5 * Math.max(1, node / IDLE_NODE_SECONDS));
});

test('each interface has a filter, a length and the interfaces of the pod', async () => {
  await using api = await startFakeApi();
  const folder = await temporaryFolder();
  await install(api.url, folder);
  const config = async (name: string) =>
    (await execa(path.join(folder, 'kokotap'), ['--extcap-config', '--extcap-interface', name])).stdout;
  expect(await config('kokotap:web')).toMatch(/call=--filter.*call=--snaplen.*call=--interface/su);
  expect(await config('kokotap:web')).not.toContain('--target');
  expect(await config('kokotap-other')).toContain('{call=--target}');
  const types = await execa(path.join(folder, 'kokotap'), [
    '--extcap-dlts',
    '--extcap-interface=kokotap:web',
  ]);
  expect(types.stdout).toBe('dlt {number=1}{name=EN10MB}{display=Ethernet}');
});

test('what Wireshark asks for becomes a command line of kokotap capture', async () => {
  const folder = await temporaryFolder();
  await install('http://127.0.0.1:1', folder, '-n=shop', '--context=test');
  const stub = path.join(folder, 'kokotap');
  // Its own last word is what it would start.
  writeFileSync(
    stub,
    readFileSync(stub, 'utf8').replace(/^ {4}exec '.*' '.*' "\$@"/mu, String.raw`    printf '%s\n' "$@"`),
  );
  const fifo = path.join(folder, 'fifo');
  const asked = async (...args: string[]) => {
    await execa(stub, ['--capture', '--fifo', fifo, ...args]);
    return readFileSync(fifo, 'utf8')
      .trim()
      .split('\n')
      .filter((word) => !word.startsWith('--kubeconfig'));
  };
  const common = ['--context=test', '--namespace=shop', '--write=-', '--quiet', '--allow-loss'];
  const words = await asked('--extcap-interface', 'kokotap:web');
  expect(words.toSorted()).toEqual(['capture', 'pod/web', ...common].toSorted());
  const filters = ['--extcap-capture-filter', 'udp or icmp', '--filter', "host 10.0.0.1 and not port '53'"];
  const others = ['--snaplen', '128', '--interface=all', '--target', 'deploy/web svc/api'];
  const more = await asked('--extcap-interface', 'kokotap-other', ...filters, ...others);
  expect(more.toSorted()).toEqual(
    [
      'capture',
      'deploy/web',
      'svc/api',
      ...common,
      "--filter=(udp or icmp) and (host 10.0.0.1 and not port '53')",
      '--snaplen=128',
      '--interface=all',
    ].toSorted(),
  );
});

test('a folder that cannot be written is named with what to do', async () => {
  const outcome = await command(['extcap', '--install', '--folder=/dev/null/none']);
  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(outcome.stderr).toMatch(
    /^kokotap: Cannot write "\/dev\/null\/none\/kokotap": .*; do it as root, or name another folder/u,
  );
});

test('without a folder it is the one that tshark names', async () => {
  const folder = await temporaryFolder();
  const outcome = await kokotap(['extcap', '--install'], { WIRESHARK_EXTCAP_DIR: folder });
  expect(outcome.stdout).toContain(`${folder}/kokotap\n`);
  expect(await command(['extcap'])).toMatchObject({ exitCode: 2 });
});
