import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { run } from '#src/exec/command.ts';
import { test } from './support/net.ts';
import { soon } from './support/wait.ts';

const notice = 'The eBPF programs could not be loaded; the tap goes on without them';

test('an object that is none is told as tc tells it', async ({ net }) => {
  const sender = net.startPlainSender();
  await sender.logged(notice);
  expect(sender.log.find(({ msg }) => msg.startsWith(notice))).toMatchObject({
    cause: 'Cannot initialize ELF context!',
  });
});

test('a program that the verifier refuses is told with the last of its log', async ({ net }) => {
  const source = net.file('refused.bpf.c');
  const object = net.file('refused.bpf.o');
  writeFileSync(source, refusedProgram);
  // oxfmt-ignore
  await run('clang', ['-g', '-O2', '-target', 'bpf', '-I/usr/include/x86_64-linux-gnu', '-c', source, '-o', object]);
  const sender = net.startPlainSender({}, readFileSync(object));
  await sender.logged(notice);
  const { cause } = sender.log.find(({ msg }) => msg.startsWith(notice)) ?? {};
  expect(cause).toMatch(/^prog 'copy': BPF program load failed: Permission denied; /);
  expect(cause).toMatch(/; invalid access to packet, .*; R\d offset is outside of the packet$/);
  await sender.logged('"state":"no-peer"');
});

test('programs that could not be loaded are loaded when it is tried again', async ({ net }) => {
  const flag = net.file('refusing');
  writeFileSync(flag, '');
  // While the file is there it is loaded in place of the object, and is none.
  const refuse = `[ -e ${flag} ] && INPUT=$(printf '%s' "$INPUT" | sed 's#object-file [^ ]*#object-file ${flag}#')`;
  const rareMs = 2000;
  const sender = net.startSenderWithTc(refuse, { 'rare-ms': String(rareMs), 'log-level': 'debug' });
  await sender.logged('"state":"no-peer"');
  const tries = () => sender.commands().filter((command) => command.includes('object-file')).length;
  const before = tries();
  await expect.poll(tries, soon).toBeGreaterThanOrEqual(before + 2);
  // The tap stays what it is while it is tried, and the reason is told once.
  expect(sender.log.filter(({ msg }) => msg.startsWith(notice))).toHaveLength(1);
  expect(new Set(sender.log.flatMap(({ state }) => state ?? []))).toEqual(new Set(['no-peer']));
  expect(await net.exec('pod', 'tc filter show dev eth0 egress')).toContain('mirred');
  rmSync(flag);
  await sender.logged('The eBPF programs could be loaded now');
  expect(await net.exec('pod', 'tc filter show dev mirror egress')).toContain('[tc/copy]');
  const loaded = tries();
  await sleep(2 * rareMs);
  expect(tries()).toBe(loaded);
});

/** It reads a packet without looking where that ends, but has settings and a lease where the agent writes them. */
const refusedProgram = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
const volatile struct { __u64 magic, settings[5]; } settings = {.magic = 0x6b6f6b6f74617021};
volatile struct { __u64 magic, tap, until_ns; } lease SEC(".data.lease") = {.magic = 0x6b6f6b6f6c656173};
SEC("tc/copy") int copy(struct __sk_buff *skb) { return *(int *)(long)skb->data + settings.settings[3] + lease.until_ns; }
char _license[] SEC("license") = "GPL";
`;
