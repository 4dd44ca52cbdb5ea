import { UsageError } from '#src/errors.ts';
import type { TapSpec } from '#src/spec/tapResource.ts';
import { quote } from '../text.ts';

type Selector = NonNullable<TapSpec['targets']['selector']>;
type Requirement = NonNullable<Selector['matchExpressions']>[number];

/**
 * Reads labels as `kubectl -l` takes them into the selector of an object.
 *
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 * @throws {UsageError} for what is none
 */
export function parseSelector(text: string): Selector {
  const parts = text.split(/,(?![^(]*\))/u).map((part) => part.trim());
  const read = parts.map(readPart);
  const equal = read.flatMap(({ label }) => (label === undefined ? [] : [label]));
  const others = read.flatMap(({ requirement }) => (requirement === undefined ? [] : [requirement]));
  const wrong = read.find(({ label, requirement }) => label === undefined && requirement === undefined);
  if (wrong !== undefined)
    throw new UsageError(
      `-l ${quote(text)} is not possible: ${quote(wrong.part)} is none of app=web, app!=web, app in (web,api), app notin (web), app and !app`,
    );
  return {
    ...(equal.length === 0 ? {} : { matchLabels: Object.fromEntries(equal) }),
    ...(others.length === 0 ? {} : { matchExpressions: others }),
  };
}

interface Part {
  readonly part: string;
  readonly label?: [string, string];
  readonly requirement?: Requirement;
}

function readPart(part: string): Part {
  const [, key = '', sign, value = ''] = /^([\w./-]+)\s*(?:(==?|!=)\s*([\w.-]*))?$/u.exec(part) ?? [];
  if (sign === '=' || sign === '==') return { part, label: [key, value] };
  if (sign === '!=') return { part, requirement: { key, operator: 'NotIn', values: [value] } };
  if (key !== '') return { part, requirement: { key, operator: 'Exists' } };
  const [, absent] = /^!\s*([\w./-]+)$/u.exec(part) ?? [];
  if (absent !== undefined) return { part, requirement: { key: absent, operator: 'DoesNotExist' } };
  const [, ofSet, operator, list] = /^([\w./-]+)\s+(in|notin)\s+\(([\w.\s,-]*)\)$/u.exec(part) ?? [];
  if (ofSet === undefined || list === undefined) return { part };
  const values = list.split(',').map((each) => each.trim());
  return { part, requirement: { key: ofSet, operator: operator === 'in' ? 'In' : 'NotIn', values } };
}
