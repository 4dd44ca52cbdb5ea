import * as z from 'zod/mini';
import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { nodeSchema } from '#src/kube/schemas.ts';
import { checkNodeFitness } from '../nodeFitness.ts';
import { quote } from '../text.ts';
import { UnresolvedError } from '../unresolvedError.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** A node names so many images, the largest first, unless its kubelet is told otherwise (nodeStatusMaxImages). */
const MOST_IMAGES = 50;

const imagesSchema = z.object({
  status: z.optional(
    z.object({ images: z.nullish(z.array(z.object({ names: z.nullish(z.array(z.string())) }))) }),
  ),
});

/** Whether pods of taps and captures can run on a node. */
export async function checkNode(api: KubeApi, name: string, image: string): Promise<readonly Finding[]> {
  try {
    const [node, listed] = await Promise.all([
      api.getNode(name),
      api.get({ kind: 'nodes', name }, imagesSchema),
    ]);
    if (node === undefined) return [fail('KT0301', `There is no node ${quote(name)}`, 'kubectl get nodes')];
    const images = (listed?.status?.images ?? []).map(({ names }) => names ?? []);
    return [fitness(name, node), readiness(name, node), checkImage(name, image, images)];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [warn('KT0301', `Node ${quote(name)} is not known: ${error.message}`)];
  }
}

type Node = z.infer<typeof nodeSchema>;

function fitness(name: string, node: Node): Finding {
  try {
    checkNodeFitness(name, node, false);
  } catch (error) {
    if (!(error instanceof UnresolvedError)) throw error;
    return fail('KT0301', error.message, 'kubectl get nodes -o wide');
  }
  const { operatingSystem = '?', architecture = '?', kernelVersion = '?' } = node.status?.nodeInfo ?? {};
  return ok('KT0301', `Node ${quote(name)}: ${operatingSystem}, ${architecture}, kernel ${kernelVersion}`);
}

function readiness(name: string, { status }: Node): Finding {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  if (ready === 'True') return ok('KT0302', `Node ${quote(name)} is Ready`);
  return warn(
    'KT0302',
    `Node ${quote(name)} is not Ready (${ready ?? 'it does not say'}): pods may not start there`,
    `kubectl describe node ${name}`,
  );
}

/** A node has its images under names with a tag, with a digest, or both. */
function checkImage(node: string, image: string, images: readonly (readonly string[])[]): Finding {
  const isThere = images.some((names) =>
    names.some((name) => name === image || name === `docker.io/${image}`),
  );
  if (isThere) return ok('KT0401', `Node ${quote(node)} has image ${quote(image)}`);
  if (!image.startsWith('localhost/'))
    return ok('KT0401', `Node ${quote(node)} does not name image ${quote(image)}, and pulls it`);
  const load = `ctr --namespace k8s.io images import kokotap-image.tar`;
  const absent = `Node ${quote(node)} does not name image ${quote(image)}, which is in no registry: import it there (CRI-O: podman load, Docker: docker load), or give --image`;
  if (images.length < MOST_IMAGES) return fail('KT0401', absent, load);
  return warn('KT0401', `${absent}. The node names its ${images.length} largest images only`, load);
}
