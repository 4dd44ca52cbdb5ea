import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { ENDPOINTS_ANNOTATION } from '#src/pods/endpointAnnotation.ts';
import { TAP_LABEL } from '#src/pods/labels.ts';
import { selectorText } from '#src/pods/selectorText.ts';
import { parseReceiver } from '#src/spec/endpoint.ts';
import { parseEndpointList } from '#src/spec/endpointList.ts';
import type { CaptureTarget } from '#src/spec/capture.ts';
import { joinedDeviceName } from '#src/tap/ownership/mark.ts';
import { idOfTap } from '../taps/tapObjects.ts';
import { quote } from '../text.ts';
import { type CapturePod, podListSchema, podSchema, serviceSchema, workloadSchema } from './schemas.ts';
import type { TargetWord, Workload } from './targetWord.ts';

/** Something to capture, and where. */
export interface Selected {
  readonly node: string;
  readonly target: CaptureTarget;
  /** What names its addresses; none for what is no pod. */
  readonly pod: CapturePod | undefined;
}

export interface SelectionInput {
  readonly namespace: string;
  readonly words: readonly TargetWord[];
  /** As `kubectl -l` takes it. */
  readonly labels: string | undefined;
  readonly interfaces: readonly string[];
}

/** What a command line selects, now and later. */
export class Selection {
  readonly #api: KubeApi;
  readonly #input: SelectionInput;
  readonly #selectors: readonly string[];

  private constructor(api: KubeApi, input: SelectionInput, selectors: readonly string[]) {
    this.#api = api;
    this.#input = input;
    this.#selectors = selectors;
  }

  /** @throws {UserError} when a workload is not there, or has no selector */
  static async of(api: KubeApi, input: SelectionInput): Promise<Selection> {
    const { words, labels, namespace } = input;
    const ofWorkloads = await Promise.all(
      words.flatMap((word) =>
        word.kind === 'workload' ? [selectorOf(api, namespace, word.resource, word.name)] : [],
      ),
    );
    return new Selection(api, input, [...ofWorkloads, ...(labels === undefined ? [] : [labels])]);
  }

  /** What there is of it now, in the order of names; each once. */
  async find(): Promise<Selected[]> {
    const lists = await Promise.all([
      ...this.#selectors.map((selector) => this.#podsOf(selector)),
      ...this.#input.words.map((word) => this.#ofWord(word)),
    ]);
    const all = new Map(lists.flat().map((selected) => [selected.target.name, selected]));
    return [...all.values()].toSorted((one, other) => (one.target.name < other.target.name ? -1 : 1));
  }

  async #podsOf(labelSelector: string): Promise<Selected[]> {
    const { namespace } = this.#input;
    const list = await this.#api.get({ kind: 'pods', namespace, labelSelector }, podListSchema);
    return (list?.items ?? []).flatMap((pod) => this.#ofPod(pod));
  }

  async #ofWord({ kind, name }: TargetWord): Promise<Selected[]> {
    const { namespace, interfaces } = this.#input;
    switch (kind) {
      case 'pod': {
        const pod = await this.#api.get({ kind: 'pods', namespace, name }, podSchema);
        return pod === undefined ? [] : this.#ofPod(pod);
      }
      case 'node':
        return [
          { node: name, target: { name: `node/${name}`, interfaces: [...interfaces] }, pod: undefined },
        ];
      case 'tap':
        return this.#ofTap(name);
      case 'workload':
        return [];
    }
  }

  /** One that has ended has no network any more; one without a node has none yet. */
  #ofPod(pod: CapturePod): Selected[] {
    const { metadata, spec, status } = pod;
    const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    if (spec.nodeName === undefined || hasEnded) return [];
    const target = {
      name: `${metadata.namespace}/${metadata.name}`,
      ...(spec.hostNetwork === true ? {} : { podUid: metadata.uid }),
      interfaces: [...this.#input.interfaces],
    };
    return [{ node: spec.nodeName, target, pod }];
  }

  /** The copies of a tap are at its receiver's node. */
  async #ofTap(name: string): Promise<Selected[]> {
    const id = await idOfTap(this.#api, this.#input.namespace, name);
    const labelSelector = `${TAP_LABEL}=${id}`;
    const list = await this.#api.get({ kind: 'pods', labelSelector }, podListSchema);
    return (list?.items ?? []).flatMap((pod) => {
      const { nodeName: node } = pod.spec;
      const ifname = mirrorOf(pod);
      if (node === undefined || ifname === undefined) return [];
      return [{ node, target: { name: `tap/${name}`, interfaces: [ifname] }, pod: undefined }];
    });
  }
}

/** Where a receiver's copies are: those of one tap, or all of the resource Tap. Undefined for a sender, or before there are any. */
function mirrorOf({ metadata, spec }: CapturePod): string | undefined {
  const [role, document = ''] = spec.containers[0]?.args ?? [];
  if (role !== 'receiver') return undefined;
  const list = metadata.annotations?.[ENDPOINTS_ANNOTATION];
  if (list !== undefined) {
    const [first] = parseEndpointList('Receiver', list).endpoints.values();
    return first?.mirrorInterface;
  }
  const { mirrorInterface, joined, tapId } = parseReceiver(document);
  // At the mirror interface others are joined into it too.
  return joined === true ? joinedDeviceName(tapId) : mirrorInterface;
}

async function selectorOf(api: KubeApi, namespace: string, kind: Workload, name: string): Promise<string> {
  const what = `${kind} ${quote(name)} in namespace ${quote(namespace)}`;
  const selector =
    kind === 'services'
      ? await api
          .get({ kind, namespace, name }, serviceSchema)
          .then((found) => found && { matchLabels: found.spec.selector })
      : await api
          .get({ kind, namespace, name }, workloadSchema)
          .then((found) => found && { ...found.spec.selector });
  if (selector === undefined) throw new UserError(`There is no ${what}`);
  const text = selectorText(selector);
  if (text === undefined)
    throw new UserError(`${what} has no selector to find its pods by: name the pods, or give -l`);
  return text;
}
