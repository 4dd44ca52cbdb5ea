/** Which of the pod's packets are copied, as the pod sees them. */
export const DIRECTIONS = ['ingress', 'egress', 'both'] as const;
export type Direction = (typeof DIRECTIONS)[number];
