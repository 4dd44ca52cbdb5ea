import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Net, test } from './support/net.ts';
import { soon } from './support/wait.ts';

describe('a step that fails', () => {
  test('in a repair leaves what stood before, and is tried again', async ({ net }) => {
    const flag = net.file('broken');
    const sender = net.startSenderWithTc(
      `[ -e ${flag} ] && case "$* $INPUT" in *'filter add'*) echo broken >&2; exit 1;; esac`,
    );
    await sender.logged('"state":"no-peer"');
    const before = await essence(net);
    await net.exec('pod', 'touch', flag);
    await net.exec('pod', 'tc filter delete dev eth0 egress pref 7');
    await sender.logged('broken');
    await sender.logged('"state":"failing"');
    // Its number is the kernel's: a device made anew has another.
    expect(await essence(net)).toEqual(before.filter((line) => !line.startsWith('eth0 egress')));
    await net.exec('pod', 'rm', flag);
    await expect.poll(() => essence(net), soon).toEqual(before);
  });

  test('at the start takes away all that was made', async ({ net }) => {
    await net.quiet();
    const before = await net.snapshot('pod');
    const sender = net.startSenderWithTc(
      `case "$* $INPUT" in *'dev eth0 egress'*'mirred'*) echo broken >&2; exit 1;; esac`,
    );
    await sender.logged('broken');
    await expect.poll(() => net.snapshot('pod'), soon).toBe(before);
  });

  test('for good, everywhere, costs the target its qdisc once', async ({ net }) => {
    const qdiscs = watchQdiscs(net);
    const sender = net.startSenderWithTc(failingAt('mirred', 'broken'), often);
    await sender.logged('The kernel does not take the filter that copies: broken');
    await net.ticks(10);
    expect(qdiscs()).toBe(2);
  });

  test('for good, on the interface only, costs the target its qdisc once, until the interface changes', async ({
    net,
  }) => {
    const qdiscs = watchQdiscs(net);
    const sender = net.startSenderWithTc(failingAt(onInterface, 'broken'), often);
    await sender.logged(/The kernel refused the tap on the target interface, .*: broken \(/);
    await sleep(3 * rareMs);
    expect(qdiscs()).toBe(2);
    expect(sender.log.at(-1)).toMatchObject({ state: 'failing' });
    await net.exec('pod', 'ip link set eth0 mtu 1400');
    await expect.poll(qdiscs, soon).toBe(4);
  });

  test('on the interface for a reason that passes is tried there again, seldom', async ({ net }) => {
    const qdiscs = watchQdiscs(net);
    net.startSenderWithTc(failingAt(onInterface, 'RTNETLINK answers: Cannot allocate memory'), often);
    await expect.poll(qdiscs, soon).toBeGreaterThanOrEqual(4);
  });

  test('because the qdisc went away at that moment does not make the tap go without eBPF', async ({
    net,
  }) => {
    const flag = net.file('once');
    const sender = net.startSenderWithTc(
      `case $INPUT in *object-file*) [ -e ${flag} ] || { touch ${flag}; INPUT=$(printf '%s\\n' "$INPUT" | grep -v 'qdisc add'); };; esac`,
    );
    await sender.logged("Parent Qdisc doesn't exists");
    await sender.logged('"state":"no-peer"');
    expect(sender.output).not.toContain('could not be loaded');
    expect(await net.exec('pod', 'tc filter show dev mirror egress')).toContain('[tc/copy]');
  });
});

const rareMs = 1000;
const often = { 'rare-ms': String(rareMs) };
const onInterface = "dev eth0'*'mirred";

/** A script that runs the commands in front of the first one with these words in it, and fails at that one. */
function failingAt(words: string, message: string): string {
  return `case $INPUT in *'${words}'*)
      at=$(printf '%s\\n' "$INPUT" | grep -n mirred | head -n 1 | cut -d: -f1)
      printf '%s\\n' "$INPUT" | head -n $((at - 1)) | $TC "$@"
      printf '${message}\\nCommand failed -:%s\\n' "$at" >&2
      exit 1;; esac`;
}

/** Counts how often the target's qdisc is made or deleted from now on. */
function watchQdiscs(net: Net): () => number {
  let seen = '';
  net.spawn('pod', 'tc', 'monitor').stdout?.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
  });
  return () => seen.match(/qdisc clsact .*dev eth0/g)?.length ?? 0;
}

/** The device with the kernel's number of it, and the hooks that have a filter which copies. */
async function essence(net: Net): Promise<string[]> {
  const device = await net.exec('pod', 'ip -oneline link show dev mirror');
  const hooks = await Promise.all(
    ['ingress', 'egress'].map(async (hook) => {
      const filters = await net.exec('pod', `tc filter show dev eth0 ${hook}`);
      return filters.includes('mirred') ? [`eth0 ${hook}`] : [];
    }),
  );
  return [device.split(':', 1)[0] ?? '', ...hooks.flat()];
}
