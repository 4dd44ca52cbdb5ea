import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { chartDigest, definitionText } from '../../scripts/deployment.ts';

// Where one of these fails: node scripts/deployment.ts

test('the chart has the definition of Taps that the controller reads them with', async () => {
  expect(await readFile('deploy/chart/templates/crd.yaml', 'utf8')).toBe(definitionText());
});

test('the manifests for those without helm are of the chart', async () => {
  expect(await readFile('deploy/kokotap.yaml', 'utf8')).toContain(`(${await chartDigest()})`);
});
