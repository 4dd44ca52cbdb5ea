import { inject, onTestFinished } from 'vitest';
import { type Cluster, openCluster } from '#src/kube/cluster.ts';
import { kubeconfig, kubeconfigFile } from '../../cli/support/kokotap.ts';

/** The cluster at `url` through a real kubectl, as long as the test lasts. */
export async function throughKubectl(url: string): Promise<Cluster> {
  const env = { PATH: process.env['PATH'], KUBECONFIG: await kubeconfigFile(kubeconfig(url)) };
  const kubectl = { program: inject('kubectl'), flags: [], env };
  const cluster = await openCluster(
    kubectl,
    { timeoutMs: 8000, wantsNamespace: false },
    { pass: () => undefined, onRequest: () => undefined },
  );
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  return cluster;
}
