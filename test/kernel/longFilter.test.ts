import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { compilePcapFilter } from '#src/net/pcapFilter.ts';
import { parseProgram } from '#src/filter/classicBpf.ts';
import { ebpfFilter } from '#src/filter/ebpfFilter.ts';
import { elfObject } from '#src/filter/elfObject.ts';
import { filterGraph } from '#src/filter/filterGraph.ts';
import { withTagBeside } from '#src/filter/vlanTags.ts';
import { runClassicBpf } from '../filter/support/classicBpf.ts';
import { frames, lists } from '../filter/support/filterLists.ts';
import { Capture } from './support/capture.ts';
import { ethernet, ipv4, udp } from './support/frames.ts';
import { type Net, test } from './support/net.ts';
import { sendFrames } from './support/traffic.ts';

function hosts(count: number): string {
  return Array.from({ length: count }, (_, at) => `host 10.9.${at >> 8}.${at & 255}`).join(' or ');
}

/** Says of a filter what tc says where the kernel does not let a program be loaded. */
const refusing = `case "$INPUT" in *section\\ tc/filter*) echo 'libbpf: refused for the test' >&2; printf 'Unable to load program\\nCommand failed -:2\\n' >&2; exit 1;; esac`;

describe('a filter that classic BPF has no room for', () => {
  test('with a thousand hosts copies what it says, also with tags', async ({ net }) => {
    await net.quiet();
    const filter = `${hosts(1000)} or (vlan 5 and udp port 7001)`;
    const [receiver, sender] = [net.startReceiver(), net.startSender({ filter })];
    await sender.logged('"state":"no-peer"');
    await Promise.all([sender.ready(), receiver.ready()]);
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    const [to, from] = ['026b00000001', '026b00000002'];
    const packets = ['10.9.3.231', '10.9.3.232', '10.8.0.0'].map((address) =>
      ipv4(17, address, '10.7.7.7', udp(7001, '5a'.repeat(20))),
    );
    const plain = packets.map((packet) => ethernet(to, from, '0800', packet));
    const tags = packets.map((packet) => ethernet(to, from, '8100', `00050800${packet}`));
    await sendFrames(net, 'pod', 'eth0', [...plain, ...tags]);
    await sendFrames(net, 'nodeA', 'vethpod', [...plain, ...tags]);
    const copied = [plain[0], ...tags];
    expect(await atMirror.frames()).toEqual([...copied, ...copied]);
  });

  test('is refused where no eBPF can be loaded, before the pod is touched', async ({ net }) => {
    await net.quiet();
    const before = await net.snapshot('pod');
    const events = net.spawn('pod', 'tc', 'monitor');
    let seen = '';
    events.stdout?.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    const sender = net.startSenderWithTc(refusing, { filter: hosts(500) });
    await sender.logged(
      '--filter is not possible: it is so long that it needs eBPF, which the kernel refuses: refused for the test (',
    );
    expect(await sender.stop()).toBe(1);
    expect(await net.snapshot('pod')).toBe(before);
    expect(seen).toBe('');
  });

  test('is made short where no eBPF can be loaded, if it can be', async ({ net }) => {
    const sender = net.startSenderWithTc(refusing, { filter: hosts(220) });
    await sender.logged('"state":"no-peer"');
    expect(await net.exec('pod', 'tc filter show dev eth0 ingress pref 7')).toContain('bytecode');
  });
});

test('the kernel says of eBPF what the filter says', async ({ net }) => {
  const folder = mkdtempSync(net.file('frames-'));
  const whole = frames.filter((_, at) => at % 4 === 0).filter(({ length }) => length >= 14);
  const files = whole.map((frame, at) => {
    const file = path.join(folder, String(at));
    writeFileSync(file, frame);
    return file;
  });
  await net.exec('pod', 'tc qdisc add dev lo clsact');
  for (const [name, expression] of Object.entries(lists)) {
    const program = await compilePcapFilter(expression, { optimize: false });
    const id = await load(net, program);
    const script = 'for file; do bpftool --json prog run id "$0" data_in "$file"; done';
    const said = await net.exec('pod', 'bash', '-ec', script, String(id), ...files);
    const verdicts = [...said.matchAll(/"retval":\s*(\d+)/g)].map(([, verdict]) => Number(verdict));
    expect({ name, verdicts }).toEqual({
      name,
      verdicts: whole.map((frame) => runClassicBpf(program, frame)),
    });
  }
});

/** Loads a filter as eBPF; returns the kernel's number of its program. */
async function load(net: Net, program: string): Promise<number> {
  const graph = filterGraph(withTagBeside(parseProgram(program)) ?? []);
  const code = ebpfFilter(graph ?? { returns: 0 });
  const file = net.file('filter.o');
  writeFileSync(file, elfObject('tc/filter', code ?? Buffer.alloc(0)));
  const at = 'dev lo ingress pref 1 handle 1';
  await net.exec('pod', `tc filter replace ${at} bpf direct-action object-file ${file} section tc/filter`);
  const shown = JSON.parse(await net.exec('pod', 'tc -json filter show dev lo ingress'));
  return shown[1].options.prog.id;
}
