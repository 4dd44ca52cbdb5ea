import { isAllowed } from '#src/kube/access.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Resource, Verb } from '#src/kube/resource.ts';
import { quote } from '../text.ts';
import { type Code, fail, type Finding, ok, warn } from './finding.ts';

interface Right {
  readonly code: Code;
  readonly verbs: readonly Verb[];
  readonly resource: Omit<Resource, 'name'>;
  /** How bad it is without; what else can be done. */
  readonly without: { readonly level: 'warn' | 'fail'; readonly but?: string };
  /** Of the role that has it. */
  readonly role: string;
}

/** The rights of whoever makes taps and captures. */
export async function checkRights(
  api: KubeApi,
  { targets, pods }: { readonly targets: string; readonly pods: string },
): Promise<readonly Finding[]> {
  const rights: readonly Right[] = [
    {
      code: 'KT0101',
      verbs: ['get', 'list'],
      resource: { kind: 'pods', namespace: targets },
      without: { level: 'fail' },
      role: 'tap-targets',
    },
    {
      code: 'KT0102',
      verbs: ['get'],
      resource: { kind: 'nodes' },
      without: { level: 'fail' },
      role: 'tap-nodes',
    },
    {
      code: 'KT0103',
      verbs: ['create', 'get', 'list', 'watch', 'delete'],
      resource: { kind: 'pods', namespace: pods },
      without: { level: 'fail' },
      role: 'taps',
    },
    {
      // A WebSocket begins with a GET; Kubernetes 1.35 and newer ask for create all the same.
      code: 'KT0104',
      verbs: ['get', 'create'],
      resource: { kind: 'pods', subresource: 'exec', namespace: pods },
      without: { level: 'fail', but: 'captures, status and rates are not possible' },
      role: 'tap-exec',
    },
    {
      code: 'KT0105',
      verbs: ['get'],
      resource: { kind: 'pods', subresource: 'log', namespace: pods },
      without: { level: 'warn', but: 'of a tap that fails less is said' },
      role: 'tap-logs',
    },
    {
      code: 'KT0106',
      verbs: ['list'],
      resource: { kind: 'pods' },
      without: { level: 'warn', but: 'give --vxlan-id to each tap' },
      role: 'tap-vni',
    },
    {
      code: 'KT0107',
      verbs: ['patch'],
      resource: { kind: 'pods', namespace: pods },
      without: { level: 'warn', but: 'a kokotap create that is killed leaves its tap' },
      role: 'tap-confirming',
    },
  ];
  return Promise.all(rights.map((right) => checkRight(api, right)));
}

async function checkRight(api: KubeApi, { code, verbs, resource, without, role }: Right): Promise<Finding> {
  const answers = await Promise.all(
    verbs.map(async (verb) => ({ verb, isGiven: await isAllowed(api, verb, resource) })),
  );
  const missing = answers.flatMap(({ verb, isGiven }) => (isGiven ? [] : [verb]));
  const what = describeResource(resource);
  if (missing.length === 0) return ok(code, `You may ${verbs.join(', ')} ${what}`);
  const but = without.but === undefined ? '' : `: ${without.but}`;
  const found = { warn, fail }[without.level];
  return found(code, `You may not ${missing.join(', ')} ${what}${but}`, granting(missing, resource, role));
}

function describeResource({ kind, subresource, namespace }: Omit<Resource, 'name'>): string {
  const name = resourceName({ kind, subresource });
  if (kind === 'nodes') return name;
  return `${name} in ${namespace === undefined ? 'all namespaces' : `namespace ${quote(namespace)}`}`;
}

function resourceName({ kind, subresource }: { kind: string; subresource?: string | undefined }): string {
  return subresource === undefined ? kind : `${kind}/${subresource}`;
}

/** For whoever may give rights. */
function granting(verbs: readonly Verb[], resource: Omit<Resource, 'name'>, role: string): string {
  const { namespace } = resource;
  const what = `--verb=${verbs.join(',')} --resource=${resourceName(resource)}`;
  if (namespace === undefined)
    return `kubectl create clusterrole ${role} ${what} && kubectl create clusterrolebinding ${role} --clusterrole=${role} --user=USER`;
  return `kubectl create role ${role} -n ${namespace} ${what} && kubectl create rolebinding ${role} -n ${namespace} --role=${role} --user=USER`;
}
