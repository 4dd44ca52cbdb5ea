import { expect, test } from 'vitest';
import { frame, type TopRow } from '#src/cli/top/frame.ts';
import { keysIn } from '#src/cli/top/screen.ts';

function rowOf(id: string, changes: { state?: string; lost?: number } = {}): TopRow {
  const { state = 'Ready', lost } = changes;
  return {
    tap: {
      namespace: 'taps',
      id,
      targets: [`pod/shop/${id}`],
      destination: 'node/node-b',
      state,
      vnis: [7],
      created: new Date(Date.now() - 3 * 60_000).toISOString(),
      pods: [],
    },
    account: {
      endpoints: [
        { role: 'sender', pod: `${id}-sender`, node: 'node-a', state: 'ready', reason: 'a\u001B[31mb' },
      ],
      directions: undefined,
      copiedBytes: 1,
      degraded: undefined,
      fit: undefined,
      idle: undefined,
      inFront: undefined,
      lostPackets: lost,
      receivedPackets: 5,
      refusedCopies: undefined,
      reportedPackets: undefined,
      sentPackets: 5,
      turnedAwayPackets: undefined,
    },
    flow: {
      bitsPerSecond: 3000,
      bitsPerSecondOf: { ingress: 1000, egress: 2000 },
      lostPackets: lost,
    },
  };
}

const canvas = { columns: 90, lines: 24, hasColour: false };

test('all taps are listed, and the selected one is described', () => {
  const rows = [rowOf('web', { lost: 0 }), rowOf('api')];
  expect(frame({ rows, selected: 1, trouble: undefined }, canvas)).toEqual([
    '2 taps   j, k or arrows: select   q: quit',
    '  TAP   TARGET         DESTINATION   STATE   IN            OUT           LOST',
    '  web   pod/shop/web   node/node-b   Ready   1.00 kbit/s   2.00 kbit/s   0',
    '> api   pod/shop/api   node/node-b   Ready   1.00 kbit/s   2.00 kbit/s   ?',
    '',
    'tap/api: pod/shop/api to node/node-b, Ready, VNI 7, 3m',
    String.raw`  sender api-sender on node-a: ready: a\u001b[31mb`,
    '  sent 5, received 5, lost or under way ?',
  ]);
});

test('the selected one is on the screen, however many there are', () => {
  const rows = Array.from({ length: 50 }, (_, index) => rowOf(`tap${index}`));
  for (const selected of [0, 25, 49]) {
    const lines = frame({ rows, selected, trouble: undefined }, canvas);
    expect(lines).toHaveLength(canvas.lines);
    expect(lines.filter((line) => line.startsWith('> '))).toEqual([
      expect.stringContaining(`> tap${selected} `),
    ]);
  }
  const low = frame({ rows, selected: 49, trouble: undefined }, { ...canvas, lines: 5 });
  expect(low.slice(2).map((line) => line.slice(0, 7))).toEqual(['  tap47', '  tap48', '> tap49']);
});

test('no line is longer than the screen, and colour is only where it is wanted', () => {
  const rows = [rowOf('web'), rowOf('api', { lost: 3 }), rowOf('db', { state: 'NotReady' }), rowOf('ok')];
  const view = { rows, selected: 0, trouble: 'the API server is away' };
  const plain = frame(view, { ...canvas, columns: 30 });
  expect(Math.max(...plain.map((line) => line.length))).toBe(30);
  expect(plain.join('')).not.toContain('\u001B');
  expect(plain[0]).toBe('4 taps, not of now: the API se');
  const coloured = frame(view, { ...canvas, hasColour: true });
  // oxlint-disable-next-line no-control-regex -- what a terminal is told
  const codes = coloured.slice(0, 6).map((line) => /^\u001B\[(\d+)m/u.exec(line)?.[1]);
  expect(codes).toEqual(['31', undefined, '7', '31', '31', undefined]);
});

test('without taps there is nothing to select', () => {
  expect(frame({ rows: [], selected: 0, trouble: undefined }, canvas)[0]).toMatch(/^0 taps /u);
});

test.each([
  ['jk', ['down', 'up']],
  ['\u001B[A\u001B[B\u001BOA\u001BOB', ['up', 'down', 'up', 'down']],
  ['x\u001B[C\u0003', ['quit']],
  ['q', ['quit']],
])('keys in %j', (text, keys) => {
  expect(keysIn(text)).toEqual(keys);
});
