import type { ApiAnswer } from '#src/kube/answer.ts';
import type { ApiClient } from '#src/kube/client.ts';

const JSON_TYPE = 'application/json';

/** Who the fields belong to that are set by server-side apply. */
const FIELD_MANAGER = 'kokotap-controller';

/** The API server took a request for impossible. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(what: string, { status, body }: ApiAnswer) {
    super(`${what}: status ${status}: ${messageIn(body)}`);
    this.status = status;
  }
}

/** Whether a request failed because of what somebody else did at the same time: the object is gone, there already, or changed. */
export function isOvertaken(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 409);
}

/** Whether the API server does not let an object in: for a quota, a policy or what it is. */
export function isRefused(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 403 || error.status === 422);
}

/** Writes objects of any kind, by their paths. All throw {@link ApiError}, and UserError where no answer comes. */
export class Objects {
  readonly client: ApiClient;
  /** Told of every request's outcome. */
  readonly #onRequest: (verb: string, status: number) => void;

  constructor(client: ApiClient, onRequest: (verb: string, status: number) => void) {
    this.client = client;
    this.#onRequest = onRequest;
  }

  /** Undefined: there is none. */
  async get(path: string): Promise<unknown> {
    const answer = await this.#ask({ method: 'GET', path, accept: JSON_TYPE });
    return answer.status === 404 ? undefined : this.#read(`get ${path}`, answer);
  }

  async create(path: string, object: object): Promise<unknown> {
    return this.#send('POST', path, object, JSON_TYPE);
  }

  /** Replaces an object of the resourceVersion that it names. */
  async update(path: string, object: object): Promise<unknown> {
    return this.#send('PUT', path, object, JSON_TYPE);
  }

  /** Sets some fields; null takes one away. With `metadata.uid` only of the object with that UID. */
  async merge(path: string, fields: object): Promise<unknown> {
    return this.#send('PATCH', path, fields, 'application/merge-patch+json');
  }

  /** Server-side apply: the fields become the controller's, and those that it set before and does not now go. */
  async apply(path: string, object: object): Promise<unknown> {
    const query = `fieldManager=${FIELD_MANAGER}&force=true`;
    // JSON is YAML.
    return this.#send('PATCH', `${path}?${query}`, object, 'application/apply-patch+yaml');
  }

  /** The object as it is while it ends; undefined: it is gone. */
  async delete(path: string, uid: string): Promise<unknown> {
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } });
    const answer = await this.#ask({ method: 'DELETE', path, accept: JSON_TYPE, body });
    return this.#read(`delete ${path}`, answer);
  }

  async #send(
    method: 'POST' | 'PUT' | 'PATCH',
    path: string,
    object: object,
    bodyType: string,
  ): Promise<unknown> {
    const body = JSON.stringify(object);
    const answer = await this.#ask({ method, path, accept: JSON_TYPE, body, bodyType });
    return this.#read(`${method} ${path}`, answer);
  }

  async #ask(request: Parameters<ApiClient['ask']>[0]): Promise<ApiAnswer> {
    try {
      const answer = await this.client.ask(request);
      this.#onRequest(request.method, answer.status);
      return answer;
    } catch (error) {
      this.#onRequest(request.method, 0);
      throw error;
    }
  }

  #read(what: string, answer: ApiAnswer): unknown {
    if (answer.status < 200 || answer.status > 299) throw new ApiError(what, answer);
    return JSON.parse(answer.body);
  }
}

function messageIn(body: string): string {
  try {
    const said: unknown = JSON.parse(body);
    if (typeof said === 'object' && said !== null && 'message' in said) return String(said.message);
  } catch {
    // It is no status of the API's: its beginning says what it is.
  }
  return body.slice(0, 200);
}
