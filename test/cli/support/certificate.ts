/** A certificate for 127.0.0.1 that nobody else trusts, good for a hundred years, and its key. */
export const CERTIFICATE = pem(
  'CERTIFICATE',
  'MIIBojCCAUegAwIBAgIUWtgDZ3QnoTA6Z6Ze4hdwytqedjQwCgYIKoZIzj0EAwIwFzEVMBMGA1UEAwwMa29rb3RhcCB0ZXN0MCAXDTI2MTEyMzIxMDYxN1oYDzIxMjYxMDMwMjEwNjE3WjAXMRUwEwYDVQQDDAxrb2tvdGFwIHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARLdrngSjbu6LYGDXnwLUK3pAOuRROzBa8mohMh0bsm0VJ03BjorWvJYmpSBU3zS055Ly649ez4yd+/+GWdWouao28wbTAdBgNVHQ4EFgQUJ1FK5ZPaf+ZpCHXvjd/ODAIOHeYwHwYDVR0jBBgwFoAUJ1FK5ZPaf+ZpCHXvjd/ODAIOHeYwDwYDVR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSQAwRgIhANq/aW27MoahIiWNKRc0Mpf+hqM/uNGYWEDqO5JO34E5AiEA/FS5IzfXTnVFgsalhncuqG/4G+kofrqMlAGTPBFk0gk=',
);

export const PRIVATE_KEY = pem(
  'PRIVATE KEY',
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh+MpCqNW0hvoojVUe/bad9+GBbqOkbpedHWevjxbk+OhRANCAARLdrngSjbu6LYGDXnwLUK3pAOuRROzBa8mohMh0bsm0VJ03BjorWvJYmpSBU3zS055Ly649ez4yd+/+GWdWoua',
);

function pem(kind: string, base64: string): string {
  const lines = base64.match(/.{1,64}/gu) ?? [];
  return [`-----BEGIN ${kind}-----`, ...lines, `-----END ${kind}-----`, ''].join('\n');
}
