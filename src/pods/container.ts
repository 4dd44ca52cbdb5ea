/** What the container of each of kokotap's pods is called. */
export const CONTAINER = 'agent';

/** No registry has an image of localhost, but whatever answers at that name on the node would be asked for it. */
export function imagePullPolicy(image: string): 'Never' | 'IfNotPresent' {
  return image.startsWith('localhost/') ? 'Never' : 'IfNotPresent';
}
