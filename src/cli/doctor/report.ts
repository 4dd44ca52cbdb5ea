import { CODES, type Finding } from './finding.ts';

const WIDTH = 4;

/** The findings for a person: in their groups, each with what mends it. */
export function reportText(findings: readonly Finding[]): string {
  const groups = Map.groupBy(findings, ({ code }) => CODES[code].group);
  const parts = [...groups].map(
    ([group, found]) =>
      `${group}\n${found.map(({ level, code, reason, command }) => `  ${level.padEnd(WIDTH)} ${code} ${reason}\n${command === undefined ? '' : `       $ ${command}\n`}`).join('')}`,
  );
  return `${parts.join('\n')}\n${counts(findings)}\n`;
}

/** The same for programs. */
export function reportJson(findings: readonly Finding[]): string {
  const items = findings.map((finding) => ({ group: CODES[finding.code].group, ...finding }));
  return `${JSON.stringify({ apiVersion: 'kokotap.dev/v1alpha1', kind: 'Diagnosis', items }, undefined, 2)}\n`;
}

function counts(findings: readonly Finding[]): string {
  const of = (wanted: Finding['level']) => findings.filter(({ level }) => level === wanted).length;
  return `${of('ok')} ok, ${of('warn')} warn, ${of('fail')} fail`;
}
