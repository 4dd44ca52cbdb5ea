import { describe, expect, test } from 'vitest';
import { compilePcapFilter } from '#src/net/pcapFilter.ts';
import { formatProgram, parseProgram } from '#src/filter/classicBpf.ts';
import { partsOf } from '#src/filter/filterChains.ts';
import { filterGraph, matchesAnything, type Node } from '#src/filter/filterGraph.ts';
import { withTagBeside } from '#src/filter/vlanTags.ts';
import { runClassicBpf, type TagBeside } from './support/classicBpf.ts';
import { frames, lists } from './support/filterLists.ts';

/** What a graph says of a frame: whoever follows it computes each value anew. */
function follow(first: Node, frame: Buffer, tag?: TagBeside): number {
  let node = first;
  while (!('returns' in node)) {
    const { value, condition } = node;
    const end = { jumpIf: 0, jumpElse: 0, k: 0, code: 6 };
    const program = [...value, { ...condition, jumpIf: 0, jumpElse: 1 }, { ...end, k: 1 }, { ...end, k: 2 }];
    const outcome = runClassicBpf(formatProgram(program), frame, tag);
    if (outcome === 0) return 0;
    node = outcome === 1 ? node.ifTo : node.elseTo;
  }
  return node.returns;
}

describe('the graph of a filter says what the filter says', () => {
  test.each(Object.entries(lists))('of %s', async (_, expression) => {
    const whole = await compilePcapFilter(expression, { optimize: false });
    const beside = withTagBeside(parseProgram(whole)) ?? [];
    const graph = filterGraph(beside);
    if (graph === undefined) throw new Error('there is no graph');
    const verdicts = frames.map((frame) => runClassicBpf(whole, frame));
    expect(frames.map((frame) => follow(graph, frame))).toEqual(verdicts);
    expect(new Set(verdicts).size).toBe(2);
  });
});

test.each([
  ['hosts', 10],
  ['networks', 10],
  ['ports', 40],
] as const)('of many %s few parts are left', async (list, most) => {
  const program = parseProgram(await compilePcapFilter(lists[list], { optimize: false }));
  const graph = filterGraph(program);
  expect(partsOf(graph ?? { returns: 0 }).length).toBeLessThan(most);
});

test.each([
  ['ip and ip6', false],
  ['tcp and udp', false],
  ['ip or ip6', true],
])('whether %s matches anything is known', async (expression, isSo) => {
  const graph = filterGraph(parseProgram(await compilePcapFilter(expression, { optimize: false })));
  expect(matchesAnything(graph ?? { returns: 0 })).toBe(isSo);
});

test('a program whose tests need what others computed has no graph', async () => {
  expect(
    filterGraph(parseProgram(await compilePcapFilter('host 10.0.0.1 or host 10.0.0.2'))),
  ).toBeUndefined();
});
