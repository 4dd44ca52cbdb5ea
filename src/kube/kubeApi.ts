import type { ZodMiniType } from 'zod/mini';
import type { ApiAnswer } from './answer.ts';
import type { ApiServer } from './apiServer.ts';
import { answerFailure, notJson, REQUESTS_TIMEOUT_MS } from './failures.ts';
import { get } from './request.ts';
import { pathOf, type Resource } from './resource.ts';
import {
  type Budget,
  budgetListSchema,
  metadataListSchema,
  namespaceSchema,
  type Node,
  nodeSchema,
  type ObjectMetadata,
  type Pod,
  podSchema,
  type TapPod,
  tapPodSchema,
} from './schemas.ts';

/** Told of every request after its end. */
export type OnRequest = (line: string) => void;

const JSON_TYPE = 'application/json';
/** Lists come without what the objects are made of: a tenth of the size. */
const METADATA_TYPE = `application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,${JSON_TYPE}`;

/**
 * What kokotap reads from the Kubernetes API. Single objects are undefined where there is none of that name.
 * Everything throws {@link UserError} where the API cannot be asked, and ForbiddenError without the right to.
 */
export class KubeApi {
  readonly #server: ApiServer;
  readonly #onRequest: OnRequest;
  #signal: AbortSignal | undefined;

  constructor(server: ApiServer, onRequest: OnRequest) {
    this.#server = server;
    this.#onRequest = onRequest;
  }

  async getPod(namespace: string, name: string): Promise<Pod | undefined> {
    return this.#read({ kind: 'pods', namespace, name }, podSchema);
  }

  async getTapPod(namespace: string, name: string): Promise<TapPod | undefined> {
    return this.#read({ kind: 'pods', namespace, name }, tapPodSchema);
  }

  async getNode(name: string): Promise<Node | undefined> {
    return this.#read({ kind: 'nodes', name }, nodeSchema);
  }

  async hasNamespace(name: string): Promise<boolean> {
    return (await this.#read({ kind: 'namespaces', name }, namespaceSchema)) !== undefined;
  }

  async list(resource: Omit<Resource, 'name'>): Promise<ObjectMetadata[]> {
    const list = await this.#read(resource, metadataListSchema, METADATA_TYPE);
    return list?.items?.map(({ metadata }) => metadata) ?? [];
  }

  /** The PodDisruptionBudgets of a namespace. */
  async listBudgets(namespace: string): Promise<Budget[]> {
    const list = await this.#read({ kind: 'poddisruptionbudgets', namespace }, budgetListSchema);
    return list?.items ?? [];
  }

  async #read<Value>(
    resource: Resource,
    schema: ZodMiniType<Value>,
    accept = JSON_TYPE,
  ): Promise<Value | undefined> {
    // The clock starts with the first request: a credential plugin may have taken its time.
    this.#signal ??= AbortSignal.timeout(REQUESTS_TIMEOUT_MS);
    const path = pathOf(resource);
    const startMs = performance.now();
    const answer = await get(this.#server, path, { accept, signal: this.#signal }).finally(() => {
      this.#onRequest(`GET ${this.#server.url}${path}: ${(performance.now() - startMs).toFixed(0)} ms`);
    });
    return this.#judge(resource, schema, answer);
  }

  #judge<Value>(resource: Resource, schema: ZodMiniType<Value>, answer: ApiAnswer): Value | undefined {
    const body = parseJson(answer.body);
    if (answer.status === 404 && isApiStatus(body)) return undefined;
    if (answer.status !== 200) throw answerFailure(this.#server, resource, answer);
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw notJson(this.#server, answer);
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
