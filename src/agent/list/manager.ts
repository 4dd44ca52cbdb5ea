import type { EndpointDocument } from '#src/spec/endpoint.ts';
import { ManagedEndpoint, type Shared } from './managedEndpoint.ts';
import type { PodState } from '#src/agent/answers/podState.ts';

/**
 * Keeps the endpoints of an agent, each on its own: they come, change and go, and one that fails neither delays nor disturbs
 * another.
 */
export class EndpointManager {
  readonly #shared: Shared;
  readonly #podState: PodState;
  readonly #isOnly: boolean;
  readonly #endpoints = new Map<string, ManagedEndpoint>();
  readonly #runs = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();

  /** @param isOnly see {@link ManagedEndpoint} */
  constructor(shared: Shared, podState: PodState, isOnly: boolean) {
    this.#shared = shared;
    this.#podState = podState;
    this.#isOnly = isOnly;
  }

  /** Those that there are, by their keys, also those that have to go and have not gone yet. */
  get endpoints(): ReadonlyMap<string, ManagedEndpoint> {
    return this.#endpoints;
  }

  /** Never fulfilled; rejected when an endpoint failed for good. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Takes what there should be from now on, by keys. What is as it was is not touched. */
  apply(documents: ReadonlyMap<string, EndpointDocument>): void {
    for (const [key, endpoint] of this.#endpoints) if (!documents.has(key)) endpoint.change(undefined);
    for (const [key, document] of documents) {
      const endpoint = this.#endpoints.get(key);
      if (endpoint === undefined) this.#add(key, document);
      else endpoint.change(document);
    }
  }

  /**
   * Takes all endpoints away.
   *
   * @throws {CommandError} when one cannot be taken away; the others are
   */
  async end(): Promise<void> {
    for (const endpoint of this.#endpoints.values()) endpoint.end();
    const results = await Promise.allSettled(this.#runs);
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  #add(key: string, document: EndpointDocument): void {
    const endpoint = new ManagedEndpoint(document, this.#shared, this.#isOnly, (told) => {
      // One that is going counts no more, unless it does not go.
      const counts = endpoint.document !== undefined || told.state === 'failing';
      this.#podState.set(key, counts ? told : undefined);
    });
    this.#endpoints.set(key, endpoint);
    this.#podState.set(key, { state: 'waiting', reason: 'it has just been added' });
    const run = this.#run(key, endpoint);
    this.#runs.add(run);
    run.then(() => this.#runs.delete(run), this.#failed.reject);
  }

  async #run(key: string, endpoint: ManagedEndpoint): Promise<void> {
    await endpoint.run();
    this.#endpoints.delete(key);
    this.#podState.set(key, undefined);
  }
}
