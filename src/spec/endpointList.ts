import * as z from 'zod/mini';
import { messageOf, UsageError } from '#src/errors.ts';
import {
  API_VERSION,
  apiVersionField,
  documentError,
  type EndpointDocument,
  parseJson,
  readReceiver,
  readSender,
  notPossible,
} from './endpoint.ts';

/** What an agent of many endpoints is to keep. */
export interface EndpointList {
  /** By {@link endpointKey}. */
  readonly endpoints: ReadonlyMap<string, EndpointDocument>;
  /** What is wrong with items; one bad item does not stop the others. */
  readonly problems: readonly string[];
}

const listSchema = z.strictObject(
  {
    apiVersion: apiVersionField,
    kind: z.literal('EndpointList', 'give EndpointList'),
    items: z.array(z.unknown(), 'give a list'),
  },
  documentError,
);

/** The list of some endpoints, as {@link parseEndpointList} reads it. */
export function endpointListText(endpoints: readonly EndpointDocument[]): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind: 'EndpointList', items: endpoints });
}

/**
 * The name of an endpoint within its agent, which it keeps when its settings change: (target pod, VNI) of a sender, (VNI,
 * peer) of a receiver. On one node there is no VNI: the tap stands for it.
 */
export function endpointKey(document: EndpointDocument): string {
  const { path, tapId } = document;
  const tunnel = path.kind === 'vxlan' ? `VNI ${path.vni}` : `tap ${tapId}`;
  if (document.kind === 'Sender') return `${document.podUid ?? 'the node'}, ${tunnel}`;
  return path.kind === 'vxlan' ? `${tunnel}, ${path.remote}` : tunnel;
}

/**
 * Reads a list of endpoints: `{apiVersion, kind: "EndpointList", items}`, whose items are the documents that a single agent
 * is given as its argument. Where an item is not possible, the endpoint of its tap stays as it was.
 *
 * @param kind of all its items: what an agent may do in its node's kernel differs between the two
 * @param before the endpoints of the last list
 * @throws {UsageError} if it is no such list, or for another version of kokotap
 */
export function parseEndpointList(
  kind: EndpointDocument['kind'],
  json: string,
  before: EndpointList['endpoints'] = new Map(),
): EndpointList {
  const parsed = z.safeParse(listSchema, parseJson(json, 'The list of endpoints'));
  if (!parsed.success) throw notPossible('The list of endpoints', parsed.error);
  const endpoints = new Map<string, EndpointDocument>();
  const taps = new Map<string, string>();
  const problems: string[] = [];
  const add = (document: EndpointDocument): void => {
    const key = endpointKey(document);
    if (endpoints.has(key)) throw new UsageError(`another item is of ${key} too: give each its own VNI`);
    const other = taps.get(document.tapId);
    if (other !== undefined)
      throw new UsageError(`the item of ${other} has the tapId ${document.tapId} too: give each its own`);
    endpoints.set(key, document);
    taps.set(document.tapId, key);
  };
  const bad: unknown[] = [];
  for (const [at, item] of parsed.data.items.entries()) {
    try {
      add(kind === 'Sender' ? readSender(item) : readReceiver(item));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(`items.${at}: ${messageOf(error)}`);
      bad.push(item);
    }
  }
  const badTaps = new Set(bad.map(tapOf));
  for (const [key, document] of before)
    if (badTaps.has(document.tapId) && !taps.has(document.tapId) && !endpoints.has(key)) add(document);
  return { endpoints, problems };
}

function tapOf(item: unknown): string | undefined {
  return z.safeParse(z.object({ tapId: z.string() }), item).data?.tapId;
}
