import * as z from 'zod/mini';
import type { KubeApi } from './kubeApi.ts';
import { groupOf, type Resource, type Verb } from './resource.ts';

const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

/**
 * Whether the user has a right, as the API server says that he has.
 *
 * @throws {UserError} where it cannot be asked
 */
export async function isAllowed(api: KubeApi, verb: Verb, asked: Resource): Promise<boolean> {
  const { kind: resource, namespace, name, subresource } = asked;
  const group = groupOf(asked);
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb, group, resource, namespace, name, subresource } },
  };
  const { status } = await api.create({ kind: 'selfsubjectaccessreviews' }, review, reviewSchema);
  return status.allowed;
}
