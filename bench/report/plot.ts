import type { Sample } from '../measures/traffic.ts';
import { type Measure, ratio, ROUND_TRIP, TCP, UDP_64 } from './ratios.ts';
import { casesOf, isUntapped } from './traffic.ts';

const PANELS: readonly { measure: Measure; title: string; most: number }[] = [
  { measure: TCP, title: 'TCP throughput', most: 1.2 },
  { measure: UDP_64, title: 'UDP packets of 64 bytes', most: 1.2 },
  { measure: ROUND_TRIP, title: 'round trip (less is better)', most: 2.4 },
];
const ROW = 20;
const NAMES = 280;
const PANEL = 220;
const GAP = 30;
const TOP = 50;

/** Colours for either background: the page's own shows through. */
const STYLE = `text { font: 12px sans-serif; fill: #24292f } .bar { fill: #3b82c4 } .spread, .one { stroke: #57606a }
.one { stroke-dasharray: 3 3 } @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .spread, .one { stroke: #adbac7 } }`;

/** An SVG of the cases' ratios to untapped: bars to the median, lines from the least to the greatest. */
export function plot(samples: readonly Sample[]): string {
  const names = casesOf(samples).filter((name) =>
    PANELS.some(({ measure }) => !isUntapped(name) && ratio(samples, name, measure) !== undefined),
  );
  const width = NAMES + PANELS.length * (PANEL + GAP);
  const height = TOP + names.length * ROW + 30;
  const labels = names.map(
    (name, row) => `<text x="${NAMES - 10}" y="${TOP + row * ROW + 14}" text-anchor="end">${name}</text>`,
  );
  const panels = PANELS.map((panel, column) =>
    drawPanel(samples, names, panel, NAMES + column * (PANEL + GAP)),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>Ratios of a tapped pod's traffic to untapped</title>
<style>${STYLE}</style>
${[...labels, ...panels].join('\n')}
</svg>
`;
}

function drawPanel(
  samples: readonly Sample[],
  names: readonly string[],
  { measure, title, most }: (typeof PANELS)[number],
  left: number,
): string {
  const at = (value: number) => (left + (PANEL * Math.min(value, most)) / most).toFixed(1);
  const bottom = TOP + names.length * ROW;
  const bars = names.flatMap((name, row) => {
    const found = ratio(samples, name, measure);
    if (found === undefined) return [];
    const top = TOP + row * ROW;
    return [
      `<rect class="bar" x="${left}" y="${top + 4}" width="${(Number(at(found.median)) - left).toFixed(1)}" height="${ROW - 8}"/>`,
      `<line class="spread" x1="${at(found.min)}" x2="${at(found.max)}" y1="${top + ROW / 2}" y2="${top + ROW / 2}"/>`,
    ];
  });
  return [
    `<text x="${left}" y="20" font-weight="bold">${title}</text>`,
    ...bars,
    `<line class="one" x1="${at(1)}" x2="${at(1)}" y1="${TOP - 5}" y2="${bottom + 5}"/>`,
    `<text x="${at(1)}" y="${bottom + 20}" text-anchor="middle">1 = untapped</text>`,
    `<text x="${left}" y="${bottom + 20}">0</text>`,
  ].join('\n');
}
