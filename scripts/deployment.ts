import { createHash } from 'node:crypto';
import { glob, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#src/exec/command.ts';
import { yamlDocuments } from '#src/cli/yaml.ts';
import { tapDefinition } from '#src/spec/tapDefinition.ts';

const CHART = 'deploy/chart';
const CRD = `${CHART}/templates/crd.yaml`;
const MANIFESTS = 'deploy/kokotap.yaml';

/** The lab builds helm, if the cache lacks it. */
const HELM_TIMEOUT_MS = 1_200_000;

/** The namespace of the controller and the taps' pods, which have the node's network. */
const NAMESPACE = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'kokotap', labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
};

/** The CustomResourceDefinition as the chart has it. */
export function definitionText(): string {
  return `# Made by scripts/deployment.ts of src/spec/tapResource.ts.\n${yamlDocuments([tapDefinition()])}`;
}

/** What deploy/kokotap.yaml says of the chart that it was made of: another chart has another one. */
export async function chartDigest(): Promise<string> {
  const files: string[] = [];
  for await (const file of glob(`${CHART}/**/*.{yaml,json,tpl,txt}`)) files.push(file);
  files.sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\n${await readFile(file, 'utf8')}`);
  return hash.digest('hex').slice(0, 16);
}

/** Writes what is made of other files: the chart's definition of Taps, and the manifests for those without helm. */
async function main(): Promise<void> {
  await writeFile(CRD, definitionText());
  const helm = (
    await run(path.resolve('lab/program'), ['helm', 'helm'], { timeoutMs: HELM_TIMEOUT_MS })
  ).trim();
  await run(helm, ['lint', '--strict', CHART]);
  const rendered = await run(helm, ['template', 'kokotap', CHART, '--namespace=kokotap']);
  const head = `# Made by scripts/deployment.ts of deploy/chart (${await chartDigest()}).\n`;
  await writeFile(MANIFESTS, `${head}${yamlDocuments([NAMESPACE])}${rendered}\n`);
}

if (import.meta.main) await main();
