import { describe, expect, test } from 'vitest';
import { UsageError } from '#src/errors.ts';
import {
  canBecome,
  parseReceiver,
  parseSender,
  documentText,
  receiverEndpoint,
  senderEndpoint,
  type SenderEndpoint,
} from '#src/spec/endpoint.ts';
import { tapSchema } from '#src/spec/tap.ts';

const tunnel = { kind: 'vxlan', vni: 100, port: 4789, local: '192.0.2.1', remote: '192.0.2.2' } as const;
const document = {
  apiVersion: 'kokotap.dev/v1alpha1',
  kind: 'Sender',
  tapId: '0123456789ab',
  podUid: 'uid-1',
  path: tunnel,
};
const ofNode = { ...document, podUid: undefined, hostNetwork: true };
const destinationPod = { uid: 'uid-2', name: 'suricata', namespace: 'tools' };
const problem = "The endpoint's document is not possible";

function sender(changes: object = {}): SenderEndpoint {
  return parseSender(JSON.stringify({ ...document, ...changes }));
}

describe("a sender's document", () => {
  test('has defaults for what it does not say', () => {
    expect(sender()).toEqual({
      ...document,
      interfaces: ['eth0'],
      direction: 'both',
      mirrorInterface: 'mirror',
      namespace: 'default',
      hostNetwork: false,
      externalPeer: false,
    });
  });

  test.for([
    { path: { kind: 'same-node' } },
    { path: { kind: 'same-node' }, destinationPod },
    { path: { ...tunnel, port: 4790 } },
    { ...ofNode },
  ])('may say %j', (changes) => {
    expect(sender(changes)).toMatchObject(JSON.parse(JSON.stringify(changes)));
  });

  test.for<[object, string]>([
    [
      { apiVersion: 'kokotap.dev/v2' },
      `${problem}, field apiVersion: give kokotap.dev/v1alpha1, which is what kokotap 0.1.0 reads`,
    ],
    [{ kind: 'Receiver' }, `${problem}, field kind: give a sender here`],
    [{ one: 1, two: 2 }, `${problem}: kokotap 0.1.0 does not know one and two: it is for another version`],
    [{ tapId: '0123456789abc' }, `${problem}, field tapId: give 12 hexadecimal digits`],
    [{ podUid: 'uid/1' }, `${problem}, field podUid: give the UID of a pod`],
    [{ podUid: ' uid' }, `${problem}, field podUid: give the UID of a pod`],
    [{ podUid: undefined }, `${problem}, field podUid: give either the UID of a pod or hostNetwork`],
    [{ hostNetwork: true }, `${problem}, field podUid: give either the UID of a pod or hostNetwork`],
    [{ path: { ...tunnel, vni: 0 } }, `${problem}, field path.vni: give a whole number from 1 to 16777215`],
    [
      { path: { ...tunnel, local: '127.0.0.1' } },
      `${problem}, field path.local: that is a loopback address; give the unicast address of the agent's node`,
    ],
    [
      { path: { ...tunnel, remote: '224.0.0.1' } },
      `${problem}, field path.remote: that is a multicast address; give the unicast address of its peer`,
    ],
    [
      { ...ofNode, path: { kind: 'same-node' } },
      `${problem}, field path: the copies of a node's packets need another node as the peer, and UDP port 4789`,
    ],
    [
      { ...ofNode, path: { ...tunnel, port: 4790 } },
      `${problem}, field path: the copies of a node's packets need another node as the peer, and UDP port 4789`,
    ],
    [
      { destinationPod },
      `${problem}, field destinationPod: only a sender on the same node as its peer makes the peer's end`,
    ],
  ])('must not say %j', ([changes, message]) => {
    expect(() => sender(changes)).toThrow(new UsageError(message));
  });

  test.for([
    ['[]', `${problem}: give a JSON object`],
    ['{"apiVersion":', `The endpoint's document is no JSON: {"apiVersion":`],
    [`{${'x'.repeat(299)}`, `The endpoint's document is no JSON: {${'x'.repeat(299)}`],
    [`{${'x'.repeat(300)}`, `The endpoint's document is no JSON: {${'x'.repeat(299)}…`],
  ] as const)('must not be %j', ([text, message]) => {
    expect(() => parseSender(text)).toThrow(new UsageError(message));
  });

  test('that is no JSON tells where that begins', () => {
    expect(() => parseSender('{')).toThrow(expect.objectContaining({ cause: expect.any(SyntaxError) }));
  });
});

describe("a receiver's document", () => {
  test('has nothing of a target', () => {
    const { podUid: _, ...receiver } = { ...document, kind: 'Receiver' };
    expect(parseReceiver(JSON.stringify(receiver))).toEqual({ ...receiver, mirrorInterface: 'mirror' });
    expect(() => parseReceiver(JSON.stringify({ ...receiver, podUid: 'uid-1' }))).toThrow(
      new UsageError(`${problem}: kokotap 0.1.0 does not know podUid: it is for another version`),
    );
    expect(() => parseReceiver(JSON.stringify(document))).toThrow(
      new UsageError(`${problem}, field kind: give a receiver here`),
    );
  });
});

describe('the documents of a tap', () => {
  const tap = tapSchema.parse({
    pod: 'web',
    namespace: 'shop',
    destination: { node: 'node-b' },
    filter: 'tcp port $(PORT)',
    metricsPort: 9100,
    vni: 100,
  });
  const facts = { tapId: document.tapId, path: tunnel };

  test('are read as they were written, without what is not for the agent', () => {
    const written = documentText(
      senderEndpoint(tap, { ...facts, podUid: 'uid-1', hostNetwork: false, externalPeer: false }),
    );
    expect(parseSender(written)).toEqual({
      ...document,
      pod: 'web',
      namespace: 'shop',
      interfaces: ['eth0'],
      direction: 'both',
      filter: 'tcp port $(PORT)',
      mirrorInterface: 'mirror',
      metricsPort: 9100,
      hostNetwork: false,
      externalPeer: false,
    });
    expect(parseReceiver(documentText(receiverEndpoint(tap, facts)))).toEqual({
      apiVersion: document.apiVersion,
      kind: 'Receiver',
      ...facts,
      mirrorInterface: 'mirror',
      metricsPort: 9100,
    });
  });

  test('have nothing that the kubelet would take for a variable', () => {
    expect(
      documentText(
        senderEndpoint(tap, { ...facts, podUid: 'uid-1', hostNetwork: false, externalPeer: false }),
      ),
    ).toContain(String.raw`tcp port \u0024(PORT)`);
  });
});

describe('what a document made', () => {
  test.for<[object, boolean]>([
    [{}, true],
    [{ direction: 'ingress', filter: 'udp' }, true],
    [{ path: { ...tunnel, vni: 101 } }, true],
    [{ tapId: 'ba9876543210' }, false],
    [{ mirrorInterface: 'tap0' }, false],
    [{ path: { kind: 'same-node' } }, false],
    [{ path: { kind: 'same-node' }, destinationPod }, false],
    [{ joined: true }, false],
  ])('with %j can become what another wants: %s', ([changes, can]) => {
    expect(canBecome(sender(), sender(changes))).toBe(can);
    expect(canBecome(sender(changes), sender())).toBe(can);
  });

  test('in one pod is not moved to another', () => {
    const inPod = sender({ path: { kind: 'same-node' }, destinationPod });
    const inOther = sender({
      path: { kind: 'same-node' },
      destinationPod: { ...destinationPod, uid: 'uid-3' },
    });
    expect(canBecome(inPod, inOther)).toBe(false);
    expect(canBecome(inPod, sender({ path: { kind: 'same-node' } }))).toBe(false);
    expect(canBecome(inPod, sender({ path: { kind: 'same-node' }, destinationPod }))).toBe(true);
  });
});
