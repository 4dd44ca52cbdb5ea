import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = path.resolve('scripts/cache.sh');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kokotap-test-cache-'));
  for (const name of ['checkout', 'other', 'cache']) mkdirSync(path.join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a newer folder replaces the one that the checkout used', async () => {
  make('etcd-aaaaaaaaaaaa', 'etcd-bbbbbbbbbbbb');
  await use('checkout', 'etcd-aaaaaaaaaaaa');
  await use('checkout', 'etcd-bbbbbbbbbbbb');
  expect(left('etcd-aaaaaaaaaaaa', 'etcd-bbbbbbbbbbbb')).toEqual(['etcd-bbbbbbbbbbbb']);
});

test('what another checkout uses stays, until that checkout is gone', async () => {
  make('etcd-aaaaaaaaaaaa', 'etcd-bbbbbbbbbbbb');
  await use('other', 'etcd-aaaaaaaaaaaa');
  await use('checkout', 'etcd-bbbbbbbbbbbb');
  expect(left('etcd-aaaaaaaaaaaa')).toEqual(['etcd-aaaaaaaaaaaa']);
  rmSync(path.join(folder, 'other'), { recursive: true });
  await use('checkout', 'etcd-bbbbbbbbbbbb');
  expect(left('etcd-aaaaaaaaaaaa')).toEqual([]);
});

test('what is mounted stays, until it is not', async () => {
  make('root-aaaaaaaaaaaa/files', 'root-bbbbbbbbbbbb');
  await use('checkout', 'root-aaaaaaaaaaaa');
  const mounted = path.join(folder, 'cache/root-aaaaaaaaaaaa/files');
  const holder = execa(
    'unshare',
    ['--mount', 'sh', '-c', 'mount --bind "$0" /mnt && echo && read _', mounted],
    {
      reject: false,
    },
  );
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  await use('checkout', 'root-bbbbbbbbbbbb');
  expect(left('root-aaaaaaaaaaaa')).toEqual(['root-aaaaaaaaaaaa']);
  holder.stdin.end();
  await holder;
  await use('checkout', 'root-bbbbbbbbbbbb');
  expect(left('root-aaaaaaaaaaaa')).toEqual([]);
});

test('other kinds stay, also those whose names begin alike', async () => {
  const others = ['kubernetes-v1.24.17-aaaaaaaaaaaa', 'containerd-2-aaaaaaaaaaaa'];
  make('kubernetes-aaaaaaaaaaaa', 'kubernetes-bbbbbbbbbbbb', 'containerd-bbbbbbbbbbbb', ...others);
  for (const each of ['kubernetes-aaaaaaaaaaaa', ...others]) await use('checkout', each);
  await use('checkout', 'kubernetes-bbbbbbbbbbbb');
  await use('checkout', 'containerd-bbbbbbbbbbbb');
  expect(left('kubernetes-aaaaaaaaaaaa', ...others)).toEqual(others);
});

test('one without records goes when it is a day old', async () => {
  make('etcd-aaaaaaaaaaaa', 'etcd-bbbbbbbbbbbb', 'etcd-cccccccccccc');
  const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600;
  utimesSync(path.join(folder, 'cache/etcd-aaaaaaaaaaaa'), twoDaysAgo, twoDaysAgo);
  await use('checkout', 'etcd-cccccccccccc');
  expect(left('etcd-aaaaaaaaaaaa', 'etcd-bbbbbbbbbbbb')).toEqual(['etcd-bbbbbbbbbbbb']);
});

test('one that is not there cannot be used', async () => {
  await expect(use('checkout', 'etcd-aaaaaaaaaaaa')).rejects.toThrow('exit code 1');
});

function make(...names: string[]): void {
  for (const name of names) mkdirSync(path.join(folder, 'cache', name), { recursive: true });
}

async function use(checkout: string, name: string): Promise<void> {
  await execa('bash', ['-euc', '. "$0" && cache_use "$1/$2" "$1/cache/$3"', script, folder, checkout, name]);
}

function left(...names: string[]): string[] {
  return names.filter((name) => existsSync(path.join(folder, 'cache', name)));
}
