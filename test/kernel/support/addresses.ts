/** Addresses in a {@link Network}; the ranges are reserved for documentation. */
export const addresses = {
  nodeA: '192.0.2.1',
  nodeB: '192.0.2.2',
  pod: '198.51.100.2',
  gateway: '198.51.100.1',
};

/** Those of {@link Network.addIPv6}. */
export const ipv6: typeof addresses = {
  nodeA: '2001:db8:1::1',
  nodeB: '2001:db8:1::2',
  pod: '2001:db8:2::2',
  gateway: '2001:db8:2::1',
};

/** Those of {@link Network.addSecondInterface}. */
export const second = { gateway: '203.0.113.1', pod: '203.0.113.2' };
