import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { Flow, flowNumbers, numbersFrom } from './support/flow.ts';
import { flowProgram } from './support/flowProgram.ts';
import { nextTo, runtimes } from './support/lab.ts';
import { toolsImage } from './support/pod.ts';
import { test } from './support/sandbox.ts';

/** Of the node's ports: other tests' datagrams, which pass the node too, have another. */
const port = 9100;

test.for(runtimes)(
  "a pod in its node's network, which stands for its node: $runtime",
  async ({ node }, { sandbox }) => {
    const echo = ['python3', '-c', flowProgram, 'echo', String(port)];
    const host = await sandbox.startPod({
      name: 'host',
      node,
      spec: { hostNetwork: true, containers: [{ name: 'main', image: toolsImage, command: echo }] },
    });
    const dest = nextTo(node);
    const peer = await sandbox.startPod({ name: 'peer', node: nextTo(dest) });
    const args = ['--pod=host', `--dest-node=${dest}`, `--filter=udp port ${port}`];
    await sandbox.tap(...args);
    const packets = await captureOnNode(dest, sandbox.ifname, async () => {
      expect(await Flow.send(peer, host, 100, port)).toEqual({ sent: 100, duplicates: 0, gaps: [] });
    });
    const [here, there] = await Promise.all([host.address(), peer.address()]);
    expect(flowNumbers(packets, there, here)).toEqual(numbersFrom(0, 100));
    expect(flowNumbers(packets, here, there)).toEqual(numbersFrom(0, 100));
    expect(packets).toHaveLength(200);
    await sandbox.untap(...args);
    expect(await sandbox.traces()).toEqual([]);
  },
);
