/**
 * The UDP ports that a tap's packets come from: so few that they are few entries of connection tracking, and enough to
 * spread over a network card's queues (ADR 12).
 */
export const sourcePorts = { first: 49_152, count: 256 };
