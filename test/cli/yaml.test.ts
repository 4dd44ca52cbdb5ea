import * as fc from 'fast-check';
import { loadAll, YAML11_SCHEMA } from 'js-yaml';
import { expect, test } from 'vitest';
import { yamlDocuments } from '#src/cli/yaml.ts';

test('strings stay strings, for kubectl too, which reads YAML 1.1', () => {
  const tricky = fc.constantFrom(
    'yes',
    'no',
    'on',
    'off',
    'y',
    'n',
    'null',
    '~',
    '1e3',
    '0x1',
    '012',
    '1_0',
    '2001-01-01',
    '12:30:45',
    '.5',
    '',
  );
  const objects = fc.array(fc.record({ name: fc.oneof(tricky, fc.string()), list: fc.array(tricky) }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(objects, (documents) => {
      const plain: unknown = JSON.parse(JSON.stringify(documents));
      expect(loadAll(yamlDocuments(documents))).toEqual(plain);
      expect(loadAll(yamlDocuments(documents), { schema: YAML11_SCHEMA })).toEqual(plain);
    }),
  );
});

test('documents are apart, long texts stay on their line, and nothing refers to something else', () => {
  const shared = { text: 'long '.repeat(40).trim() };
  expect(yamlDocuments([{ a: shared, b: shared }, { c: 1 }])).toBe(
    `a:\n  text: ${shared.text}\nb:\n  text: ${shared.text}\n---\nc: 1\n`,
  );
});
