import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { endpointState, type Facts, states } from '#src/agent/endpoint/endpointState.ts';

const documentation = readFileSync('docs/architecture.md', 'utf8');

/** Facts of an endpoint that is in each state. */
const factsOf: Record<string, Facts> = {
  waiting: { awaited: 'interface eth0' },
  failing: { failure: 'no such device' },
  'no-peer': { inPlace: 'mirror', peerAbsence: 'nothing comes' },
  blind: { inPlace: 'mirror', unseen: 'the tap does not see what eth0 receives' },
  ready: { inPlace: 'mirror' },
  stopped: { removed: 'delete link mirror' },
};

/** What happens, as the table of docs/architecture.md calls it, and what is known then. */
const happening: Record<string, Facts> = {
  'a step fails': { failure: 'no such device', inPlace: undefined },
  'something is missing': { failure: undefined, awaited: 'interface eth0', inPlace: undefined },
  'in place, and the peer is not there': {
    failure: undefined,
    awaited: undefined,
    inPlace: 'mirror',
    peerAbsence: 'nothing comes',
  },
  'in place, and the peer is there already': { failure: undefined, awaited: undefined, inPlace: 'mirror' },
  'the peer is there': { peerAbsence: undefined, pathTrouble: undefined },
  '5 s of silence': { peerAbsence: 'nothing comes' },
  'copies, or the largest ones, do not arrive': { pathTrouble: 'no copy arrives' },
  'packets pass that the tap does not see': { unseen: 'the tap does not see what eth0 sends' },
  'the tap sees them again': { unseen: undefined },
  'it is taken away': { removed: 'delete link mirror' },
};

describe('the states of an endpoint', () => {
  test('are those of the documentation', () => {
    expect(rowsBelow('### States of an endpoint').map(([name]) => name)).toEqual([...states]);
  });

  test('make the pod Ready as the documentation says', () => {
    const ready = rowsBelow('### States of an endpoint').flatMap(([name, , isReady]) =>
      isReady === 'yes' ? [name] : [],
    );
    expect(ready).toEqual(['ready']);
  });

  test.each(Object.entries(factsOf))('%s follows from its facts', (state, facts) => {
    expect(endpointState(facts).state).toBe(state);
  });

  test('that nothing is known of is waiting', () => {
    expect(endpointState({})).toEqual({
      state: 'waiting',
      reason: 'waiting for the first look at the kernel',
    });
  });
});

describe('each change of state in the documentation', () => {
  const changes = rowsBelow('#### Changes of state').flatMap(([from = '', what = '', to = '']) =>
    (from === 'any' ? states.filter((state) => state !== 'stopped') : from.split(', ')).map(
      (state) => [state, what, to] as const,
    ),
  );

  test('is there', () => {
    expect(new Set(changes.map(([, what]) => what))).toEqual(new Set(Object.keys(happening)));
  });

  test.each(changes)('%s, %s: %s', (from, what, to) => {
    expect(endpointState({ ...factsOf[from], ...happening[what] }).state).toBe(to);
  });
});

test.each<[Facts, string]>([
  [{ removed: 'a', failure: 'b', awaited: 'c', inPlace: 'd' }, 'the tap is taken away: a'],
  [{ failure: 'b', awaited: 'c', inPlace: 'd' }, 'b'],
  [{ awaited: 'c', inPlace: 'd', peerAbsence: 'e' }, 'waiting for c'],
  [{ inPlace: 'd', peerAbsence: 'e', pathTrouble: 'f' }, 'e'],
  [{ inPlace: 'd', pathTrouble: 'f', unseen: 'g', idle: 'h' }, 'd is in place at both ends, but f'],
  [{ inPlace: 'd', unseen: 'g', idle: 'h' }, 'd is in place at both ends, but g'],
  [{ inPlace: 'd', idle: 'h' }, 'd is in place at both ends'],
  [{ inPlace: 'd', hasForeignPeer: true }, "d is in place here; the other end is not kokotap's"],
])('of several facts the gravest gives the reason: %o', (facts, reason) => {
  expect(endpointState(facts).reason).toBe(reason);
});

test('what target interfaces do not carry is a warning, for the tap itself is fine', () => {
  expect(endpointState({ inPlace: 'mirror', idle: 'eth0 is down' })).toEqual({
    state: 'ready',
    reason: 'mirror is in place at both ends',
    warning: 'eth0 is down',
  });
});

/** The rows of the first table below a heading, without its head, cells without back quotes. */
function rowsBelow(heading: string): string[][] {
  const [, below = ''] = documentation.split(`${heading}\n`);
  const [, , ...rows] = (/(?:^\|.*\|\n)+/m.exec(below)?.[0] ?? '').trim().split('\n');
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}
