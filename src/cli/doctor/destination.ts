import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { DEFAULT_MIRROR, type Destination } from '#src/spec/tap.ts';
import { checkDestinationPod } from '../checkTarget.ts';
import { tapsThere } from '../create/tapsThere.ts';
import { podLabel, quote } from '../text.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

interface Checked {
  readonly findings: readonly Finding[];
  /** Where the copies go; undefined: outside the cluster, or not known. */
  readonly node: string | undefined;
}

/** Whether copies can go to where they are to go. */
export async function checkDestination(
  api: KubeApi,
  namespace: string,
  destination: Destination,
): Promise<Checked> {
  if ('address' in destination)
    return {
      findings: [ok('KT0601', `${destination.address} ends the VXLAN itself: that is not looked at`)],
      node: undefined,
    };
  if ('node' in destination) {
    const { node } = destination;
    return {
      findings: [
        ok('KT0601', `Copies go to node ${quote(node)}`),
        await mirrorName(api, namespace, `node/${node}`),
      ],
      node,
    };
  }
  const place = destination.namespace ?? namespace;
  const label = podLabel(place, destination.pod);
  const command = `kubectl get pods -n ${place}`;
  try {
    const pod = await api.getPod(place, destination.pod);
    if (pod === undefined)
      return { findings: [fail('KT0601', `${label} does not exist`, command)], node: undefined };
    const { node } = checkDestinationPod(pod, label);
    const text = `pod/${place}/${destination.pod}`;
    return {
      findings: [
        ok('KT0601', `Copies go to ${label}, on node ${quote(node)}`),
        await mirrorName(api, namespace, text),
      ],
      node,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { findings: [fail('KT0601', error.message, command)], node: undefined };
  }
}

/** Each tap needs a name of its own for its interface there. */
async function mirrorName(api: KubeApi, namespace: string, destination: string): Promise<Finding> {
  try {
    const there = await tapsThere(api, namespace);
    const holder = there.find((tap) => tap.destination === destination && tap.mirror === DEFAULT_MIRROR);
    if (holder === undefined)
      return ok('KT0602', `No tap has the interface ${quote(DEFAULT_MIRROR)} of ${destination}`);
    return warn(
      'KT0602',
      `Tap ${holder.id} has the interface ${quote(DEFAULT_MIRROR)} of ${destination}: kokotap create takes another name, and the command without a name needs --ifname`,
    );
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return warn(
      'KT0602',
      `Whether a tap has the interface ${quote(DEFAULT_MIRROR)} of ${destination} is not known: ${error.message}`,
    );
  }
}
