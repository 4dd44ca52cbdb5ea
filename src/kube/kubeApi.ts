import { createInterface } from 'node:readline';
import { IncomingMessage } from 'node:http';
import type { ZodMiniType } from 'zod/mini';
import type { ApiAnswer } from './answer.ts';
import type { ApiClient } from './client.ts';
import { answerFailure, notJson } from './failures.ts';
import type { ApiRequest } from './request.ts';
import { pathOf, readingVerb, type Resource, type Verb } from './resource.ts';
import {
  type Budget,
  budgetListSchema,
  metadataListSchema,
  type Namespace,
  namespaceSchema,
  type Node,
  nodeSchema,
  type ObjectMetadata,
  type Pod,
  podSchema,
  type TapPod,
  tapPodSchema,
  watchEventSchema,
} from './schemas.ts';

const JSON_TYPE = 'application/json';
/** Lists come without what the objects are made of: a tenth of the size. */
const METADATA_TYPE = `application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,${JSON_TYPE}`;
/** Objects of a list in one answer. */
const PAGE = 500;

/** What a watch tells: the object as it is now, or was at last. */
export interface WatchEvent<Value> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Value;
}

/**
 * What kokotap asks of the Kubernetes API. Single objects are undefined where there is none of that name.
 * Everything throws {@link UserError} where the API cannot be asked, and ForbiddenError without the right to.
 */
export class KubeApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  async getPod(namespace: string, name: string): Promise<Pod | undefined> {
    return this.get({ kind: 'pods', namespace, name }, podSchema);
  }

  async getTapPod(namespace: string, name: string): Promise<TapPod | undefined> {
    return this.get({ kind: 'pods', namespace, name }, tapPodSchema);
  }

  async getNode(name: string): Promise<Node | undefined> {
    return this.get({ kind: 'nodes', name }, nodeSchema);
  }

  async getNamespace(name: string): Promise<Namespace | undefined> {
    return this.get({ kind: 'namespaces', name }, namespaceSchema);
  }

  /** Names, labels and annotations of the objects, page by page: whole ones would be ten times as much. */
  async list(resource: Omit<Resource, 'name'>): Promise<ObjectMetadata[]> {
    const found: ObjectMetadata[] = [];
    let next: string | undefined;
    do {
      const query: [string, string][] = [['limit', String(PAGE)]];
      if (next !== undefined) query.push(['continue', next]);
      const path = pathOf(resource, query);
      const answer = await this.#client.ask({ method: 'GET', path, accept: METADATA_TYPE });
      const page = await this.#judge('list', resource, metadataListSchema, answer);
      found.push(...(page?.items ?? []).map(({ metadata }) => metadata));
      next = page?.metadata?.continue;
    } while (next);
    return found;
  }

  /** Whether the API server has a group of resources, which everybody who is logged in may ask. */
  async hasGroup(group: string): Promise<boolean> {
    const answer = await this.#client.ask({ method: 'GET', path: `/apis/${group}`, accept: JSON_TYPE });
    if (answer.status === 200 || answer.status === 404) return answer.status === 200;
    throw answerFailure(await this.#client.way.describe(), 'get', { kind: 'taps' }, answer);
  }

  /** The PodDisruptionBudgets of a namespace. */
  async listBudgets(namespace: string): Promise<Budget[]> {
    const list = await this.get({ kind: 'poddisruptionbudgets', namespace }, budgetListSchema);
    return list?.items ?? [];
  }

  /** An object, or a list of whole objects, as far as the schema has them. */
  async get<Value>(resource: Resource, schema: ZodMiniType<Value>): Promise<Value | undefined> {
    const answer = await this.#client.ask({ method: 'GET', path: pathOf(resource), accept: JSON_TYPE });
    return this.#judge(readingVerb(resource), resource, schema, answer);
  }

  /** The last lines that a pod of one container has written. Undefined where there is no such pod. */
  async getLog(namespace: string, name: string, lines: number): Promise<string | undefined> {
    const resource: Resource = { kind: 'pods', namespace, name, subresource: 'log' };
    const path = pathOf(resource, [['tailLines', String(lines)]]);
    const answer = await this.#client.ask({ method: 'GET', path, accept: '*/*' });
    if (answer.status === 200) return answer.body;
    if (answer.status === 404 && isApiStatus(parseJson(answer.body))) return undefined;
    throw answerFailure(await this.#client.way.describe(), 'get', resource, answer);
  }

  /** Makes an object. Fails where there is one of that name. Returns it as the schema has it. */
  async create<Value>(
    resource: Omit<Resource, 'name'>,
    object: object,
    schema: ZodMiniType<Value>,
  ): Promise<Value> {
    const body = JSON.stringify(object);
    const request: ApiRequest = { method: 'POST', path: pathOf(resource), accept: JSON_TYPE, body };
    const answer = await this.#client.ask(request);
    const server = this.#client.way.describe;
    if (answer.status !== 201) throw answerFailure(await server(), 'create', resource, answer);
    const made = schema.safeParse(parseJson(answer.body));
    if (!made.success) throw notJson(await server(), answer);
    return made.data;
  }

  /** Changes an object by a merge patch (RFC 7386). Fails where there is none. */
  async patch(resource: Resource, change: object): Promise<void> {
    const answer = await this.#client.ask({
      method: 'PATCH',
      path: pathOf(resource),
      accept: JSON_TYPE,
      body: JSON.stringify(change),
      bodyType: 'application/merge-patch+json',
    });
    if (answer.status !== 200)
      throw answerFailure(await this.#client.way.describe(), 'patch', resource, answer);
  }

  /**
   * @param uid only the object that has it, not another one that has got its name since
   * @returns whether there was one. Its end may take a while more.
   */
  async delete(resource: Resource, uid?: string): Promise<boolean> {
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } });
    const request: ApiRequest = { method: 'DELETE', path: pathOf(resource), accept: JSON_TYPE };
    const answer = await this.#client.ask(uid === undefined ? request : { ...request, body });
    const isGone = answer.status === 404 || (uid !== undefined && answer.status === 409);
    if (isGone && isApiStatus(parseJson(answer.body))) return false;
    if (answer.status !== 200 && answer.status !== 202)
      throw answerFailure(await this.#client.way.describe(), 'delete', resource, answer);
    return true;
  }

  /**
   * The objects of a list as they change, first as they are now. Ends when the server ends it, which is a matter of minutes,
   * or the signal.
   */
  async *watch<Value>(
    resource: Omit<Resource, 'name'>,
    schema: ZodMiniType<Value>,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<Value>> {
    const path = pathOf(resource, [['watch', 'true']]);
    const stream = await this.#client.open({ method: 'GET', path, accept: JSON_TYPE }, signal);
    if (!(stream instanceof IncomingMessage))
      throw answerFailure(await this.#client.way.describe(), 'watch', resource, stream);
    for await (const line of createInterface({ input: stream })) {
      const event = watchEventSchema.safeParse(parseJson(line));
      // An error or a bookmark: whoever watches starts anew.
      if (!event.success) return;
      const object = schema.safeParse(event.data.object);
      if (object.success) yield { type: event.data.type, object: object.data };
    }
  }

  async #judge<Value>(
    verb: Verb,
    resource: Resource,
    schema: ZodMiniType<Value>,
    answer: ApiAnswer,
  ): Promise<Value | undefined> {
    const body = parseJson(answer.body);
    if (answer.status === 404 && isApiStatus(body)) return undefined;
    const server = this.#client.way.describe;
    if (answer.status !== 200) throw answerFailure(await server(), verb, resource, answer);
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw notJson(await server(), answer);
    return parsed.data;
  }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** A 404 of the API says `kind: Status`; one of another server does not. */
function isApiStatus(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status';
}
