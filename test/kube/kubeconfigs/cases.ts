import type { Case } from './case.ts';

/**
 * Kubeconfigs and answers from public reports of people in whose hands a tool parted from kubectl. What is not said of one:
 * a cluster with TLS, a token that is good, exit code 0. The ports are those of the case's servers.
 */
export const CASES: readonly Case[] = [
  // Asks as or for somebody else than kubectl would
  {
    name: 'as-groups',
    about: 'impersonation: groups, uid, extra',
    user: {
      token: 'good',
      as: 'dev',
      'as-groups': ['ops', 'sre'],
      'as-uid': '42',
      'as-user-extra': { reason: ['ticket-1', 'ticket 2'], 'scopes.example.test/x': ['a'] },
    },
    api: { token: 'good', headers: { 'impersonate-user': 'dev', 'impersonate-group': 'ops, sre' } },
    want: {
      exit: 0,
      seen: [
        'impersonate-group":"ops, sre',
        'impersonate-uid":"42',
        'impersonate-extra-reason":"ticket-1, ticket 2',
        'impersonate-extra-scopes\\.example\\.test%2fx":"a',
      ],
    },
  },
  {
    name: 'as-groups-only',
    about: 'as-groups without as',
    user: { token: 'good', 'as-groups': ['ops'] },
    want: { exit: 1, stderr: 'as-groups|impersonat', notSeen: 'api GET' },
  },
  {
    name: 'inpod-context',
    about: 'in a pod, --context',
    inPod: true,
    env: { KUBECONFIG: null },
    want: { exit: 1, stderr: 'context' },
    args: ['-n', 'team', '--context=other', '--pod=web', '--dest-node=node-a', '--vxlan-id=100'],
  },
  {
    name: 'inpod-kubeconfig-empty',
    about: 'in a pod, the kubeconfig is empty',
    text: 'apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n',
    inPod: true,
    args: ['-n', 'team', '--pod=web', '--dest-node=node-a', '--vxlan-id=100'],
  },
  {
    name: 'inpod-kubeconfig-missing',
    about: 'in a pod, KUBECONFIG names a file that is not there',
    inPod: true,
    env: { KUBECONFIG: '${DIR}/missing' },
    args: ['-n', 'team', '--pod=web', '--dest-node=node-a', '--vxlan-id=100'],
  },
  {
    name: 'inpod-namespace',
    about: 'in a pod: the namespace of the service account',
    inPod: true,
    env: { KUBECONFIG: null },
    want: { exit: 0, stdout: 'namespace: team' },
    args: ['--pod=web', '--dest-node=node-a', '--vxlan-id=100'],
  },
  {
    name: 'ns-context',
    about: 'context has namespace team; pod web in both',
    context: { cluster: 'c', user: 'u', namespace: 'team' },
    want: { exit: 0, stdout: 'namespace: team' },
    args: ['--pod=web', '--dest-node=node-a', '--vxlan-id=100'],
  },
  {
    name: 'ns-flag',
    about: '-n default beats the context',
    context: { cluster: 'c', user: 'u', namespace: 'team' },
    want: { exit: 0, stdout: 'namespace: default' },
    args: ['-n', 'default', '--pod=web', '--dest-node=node-a', '--vxlan-id=100'],
  },
  // Credentials in clear text
  {
    name: 'http-basic',
    about: 'http:// server and a password',
    cluster: { server: 'http://127.0.0.1:API_PORT' },
    user: { username: 'dev', password: 'geheim' },
    api: { plain: true },
    want: { exit: 0, notSeen: 'authorization' },
  },
  {
    name: 'http-exec',
    about: 'http:// server and a plugin',
    cluster: { server: 'http://127.0.0.1:API_PORT' },
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\necho ran >&2; echo \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
    api: { plain: true },
    want: { exit: 0, notSeen: 'authorization', notStderr: '\\bran\\b' },
  },
  {
    name: 'http-token',
    about: 'http:// server and a token: is the token sent in clear?',
    cluster: { server: 'http://127.0.0.1:API_PORT' },
    api: { plain: true },
    want: { exit: 0, notSeen: 'authorization' },
  },
  // Proxies
  {
    name: 'proxy-https',
    about: 'HTTPS_PROXY; only the proxy knows the name',
    cluster: { server: 'https://api.corp.test:API_PORT', 'certificate-authority': '../pki/ca.crt' },
    proxy: { names: { 'api.corp.test': '127.0.0.1' } },
    env: { HTTPS_PROXY: 'http://127.0.0.1:PROXY_PORT' },
    want: { exit: 0, seen: 'proxy CONNECT api\\.corp\\.test:API_PORT' },
  },
  {
    name: 'proxy-https-407',
    about: 'HTTPS_PROXY answers 407',
    cluster: { server: 'https://api.corp.test:API_PORT', 'certificate-authority': '../pki/ca.crt' },
    proxy: { names: { 'api.corp.test': '127.0.0.1' }, deny: true },
    env: { HTTPS_PROXY: 'http://127.0.0.1:PROXY_PORT' },
    want: { exit: 1, stderr: ['127\\.0\\.0\\.1:PROXY_PORT', '407|login|uthenticat'] },
  },
  {
    name: 'proxy-https-down',
    about: 'HTTPS_PROXY does not answer',
    cluster: { server: 'https://api.corp.test:API_PORT', 'certificate-authority': '../pki/ca.crt' },
    env: { HTTPS_PROXY: 'http://127.0.0.1:PROXY_PORT' },
    want: { exit: 1, stderr: '127\\.0\\.0\\.1:PROXY_PORT' },
  },
  {
    name: 'proxy-https-login',
    about: 'HTTPS_PROXY with user and password',
    cluster: { server: 'https://api.corp.test:API_PORT', 'certificate-authority': '../pki/ca.crt' },
    proxy: { names: { 'api.corp.test': '127.0.0.1' }, login: 'me:pw' },
    env: { HTTPS_PROXY: 'http://me:pw@127.0.0.1:PROXY_PORT' },
  },
  {
    name: 'proxy-https-noscheme',
    about: 'HTTPS_PROXY without scheme',
    cluster: { server: 'https://api.corp.test:API_PORT', 'certificate-authority': '../pki/ca.crt' },
    proxy: { names: { 'api.corp.test': '127.0.0.1' } },
    env: { HTTPS_PROXY: '127.0.0.1:PROXY_PORT' },
  },
  {
    name: 'proxy-no-localhost',
    about: 'HTTPS_PROXY and a loopback server: no proxy',
    env: { HTTPS_PROXY: 'http://127.0.0.1:PROXY_PORT' },
  },
  {
    name: 'proxy-no-other',
    about: 'HTTPS_PROXY, NO_PROXY for other names',
    cluster: { server: 'https://api.corp.test:API_PORT', 'certificate-authority': '../pki/ca.crt' },
    proxy: { names: { 'api.corp.test': '127.0.0.1' } },
    env: { HTTPS_PROXY: 'http://127.0.0.1:PROXY_PORT', NO_PROXY: 'localhost,10.0.0.0/8,other.test,rp.test' },
    want: { exit: 0, seen: 'proxy CONNECT' },
  },
  {
    name: 'proxy-no-suffix-live',
    about: 'HTTPS_PROXY alive, NO_PROXY=.corp.test',
    cluster: { server: 'https://api.corp.test:API_PORT', 'certificate-authority': '../pki/ca.crt' },
    proxy: { names: { 'api.corp.test': '127.0.0.1' } },
    env: { HTTPS_PROXY: 'http://127.0.0.1:PROXY_PORT', NO_PROXY: '.corp.test' },
    want: { exit: 1, notSeen: 'proxy' },
  },
  {
    name: 'proxyurl-407',
    about: 'proxy-url answers 407',
    cluster: {
      server: 'https://api.corp.test:API_PORT',
      'certificate-authority': '../pki/ca.crt',
      'proxy-url': 'http://127.0.0.1:PROXY_PORT',
    },
    proxy: { names: { 'api.corp.test': '127.0.0.1' }, deny: true },
    want: { exit: 1, stderr: ['127\\.0\\.0\\.1:PROXY_PORT', '407|login|uthenticat'] },
  },
  {
    name: 'proxyurl-ipv6',
    about: 'proxy-url with an IPv6 API server',
    cluster: {
      server: 'https://[::1]:API_PORT',
      'certificate-authority': '../pki/ca.crt',
      'proxy-url': 'http://127.0.0.1:PROXY_PORT',
    },
    api: { host: '::1', token: 'good' },
    proxy: { names: { 'api.corp.test': '127.0.0.1' } },
    want: { exit: 0, seen: 'CONNECT \\[::1\\]:API_PORT' },
  },
  {
    name: 'proxyurl-noproxy',
    about: 'proxy-url and NO_PROXY=* (proxy-url counts)',
    cluster: {
      server: 'https://127.0.0.1:API_PORT',
      'certificate-authority': '../pki/ca.crt',
      'proxy-url': 'http://127.0.0.1:PROXY_PORT',
    },
    proxy: { names: { 'api.corp.test': '127.0.0.1' } },
    env: { NO_PROXY: '*' },
    want: { exit: 0, seen: 'proxy CONNECT' },
  },
  {
    name: 'proxyurl-noscheme',
    about: 'proxy-url without scheme',
    cluster: {
      server: 'https://api.corp.test:API_PORT',
      'certificate-authority': '../pki/ca.crt',
      'proxy-url': '127.0.0.1:PROXY_PORT',
    },
    proxy: { names: { 'api.corp.test': '127.0.0.1' } },
    want: { exit: 1, stderr: 'proxy' },
  },
  {
    name: 'proxyurl-unknown',
    about: 'proxy-url host not known',
    cluster: {
      server: 'https://api.corp.test:API_PORT',
      'certificate-authority': '../pki/ca.crt',
      'proxy-url': 'http://proxy.corp.test:PROXY_PORT',
    },
    want: { exit: 1, stderr: 'proxy\\.corp\\.test' },
  },
  {
    name: 'socks-env',
    about: 'HTTPS_PROXY=socks5://',
    cluster: { server: 'https://api.corp.test:API_PORT', 'certificate-authority': '../pki/ca.crt' },
    proxy: { names: { 'api.corp.test': '127.0.0.1' }, socks: true },
    env: { HTTPS_PROXY: 'socks5://127.0.0.1:PROXY_PORT' },
  },
  {
    name: 'socks-name',
    about: 'proxy-url socks5://, only the proxy knows the name',
    cluster: {
      server: 'https://api.corp.test:API_PORT',
      'certificate-authority': '../pki/ca.crt',
      'proxy-url': 'socks5://127.0.0.1:PROXY_PORT',
    },
    proxy: { names: { 'api.corp.test': '127.0.0.1' }, socks: true },
  },
  // Trust
  {
    name: 'ca-broken-first',
    about: 'bundle that begins with a broken certificate',
    cluster: { server: 'https://127.0.0.1:API_PORT', 'certificate-authority': '../pki/broken-first.crt' },
  },
  {
    name: 'ca-data-not-base64',
    about: 'CA data is PEM, not base64',
    cluster: {
      server: 'https://127.0.0.1:API_PORT',
      'certificate-authority-data':
        '-----BEGIN CERTIFICATE-----\nMIIBnDCCAUGgAwIBAgIUE1IMhn4G/WbvEJmIN4hG5LByoBkwCgYIKoZIzj0EAwIw\nGjEYMBYGA1UEAwwPZXhhbXBsZSByb290IENBMCAXDTI2MTEyNzE4NTYzNFoYDzIx\nMjYxMTAzMTg1NjM0WjAaMRgwFgYDVQQDDA9leGFtcGxlIHJvb3QgQ0EwWTATBgcq\nhkjOPQIBBggqhkjOPQMBBwNCAASrU6PnXjoMkgadLfmty3qFXOIDyjUT7nueB+rh\nH3xA/yKd8IDedA9ordd+DvD/LcIQSPqwfye3qHzTgByRN81ro2MwYTAdBgNVHQ4E\nFgQUDE9AVntK9qKdYRUdQ6zxyyRCkVUwHwYDVR0jBBgwFoAUDE9AVntK9qKdYRUd\nQ6zxyyRCkVUwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZI\nzj0EAwIDSQAwRgIhAML/x736r4pfnmq0QO9UBrOjau6HvKY9V+nP6DLma6IeAiEA\ntu+hdFYyF5f0j+dPup2yfZCb+8m3NE7m9c+O2Icpr6s=\n-----END CERTIFICATE-----\n',
    },
    want: { exit: 1, stderr: 'base64' },
  },
  {
    name: 'ca-insecure-and-ca',
    about: 'insecure flag and CA both',
    cluster: {
      server: 'https://127.0.0.1:API_PORT',
      'certificate-authority': '../pki/ca.crt',
      'insecure-skip-tls-verify': true,
    },
    want: { exit: 1, stderr: 'insecure', notSeen: 'api GET' },
  },
  {
    name: 'ca-intermediate',
    about: 'the CA of the kubeconfig is the intermediate that signed the server',
    cluster: { server: 'https://127.0.0.1:API_PORT', 'certificate-authority': '../pki/int.crt' },
    api: { cert: 'intermediate', token: 'good' },
  },
  {
    name: 'ca-intermediate-chain',
    about: 'the same, server sends the intermediate too',
    cluster: { server: 'https://127.0.0.1:API_PORT', 'certificate-authority': '../pki/int.crt' },
    api: { cert: 'intermediate-chain', token: 'good' },
  },
  {
    name: 'ca-intermediate-expired',
    about: 'CA = the expired server certificate',
    cluster: { server: 'https://127.0.0.1:API_PORT', 'certificate-authority': '../pki/server-expired.crt' },
    api: { cert: 'expired', token: 'good' },
    want: { exit: 1, stderr: 'not trusted' },
  },
  {
    name: 'ca-intermediate-wrong-host',
    about: 'intermediate as CA, certificate not for this address',
    cluster: { server: 'https://127.0.0.2:API_PORT', 'certificate-authority': '../pki/int.crt' },
    api: { cert: 'intermediate', host: '127.0.0.2', token: 'good' },
    want: { exit: 1, stderr: 'not trusted' },
  },
  {
    name: 'ca-leaf',
    about: 'CA = the server leaf itself',
    cluster: { server: 'https://127.0.0.1:API_PORT', 'certificate-authority': '../pki/server.crt' },
    api: { cert: 'root', token: 'good' },
  },
  {
    name: 'ca-missing-file',
    about: 'CA file missing',
    cluster: { server: 'https://127.0.0.1:API_PORT', 'certificate-authority': 'missing.crt' },
    want: { exit: 1, stderr: 'certificate-authority|CA' },
  },
  {
    name: 'ca-other',
    about: 'CA of somebody else',
    cluster: { server: 'https://127.0.0.1:API_PORT', 'certificate-authority': '../pki/other.crt' },
    want: { exit: 1, stderr: 'not trusted' },
  },
  {
    name: 'ca-root-nochain',
    about: 'root as CA, server sends only the leaf below the intermediate',
    api: { cert: 'intermediate', token: 'good' },
    want: { exit: 1, stderr: 'not trusted' },
  },
  {
    name: 'ca-rotated-old-first',
    about: 'bundle of two CAs of one name without key identifiers, the old one first',
    cluster: { server: 'https://127.0.0.1:API_PORT', 'certificate-authority': '../pki/ca-rotated.crt' },
    api: { cert: 'rotated', token: 'good' },
  },
  {
    name: 'ca-system-dir',
    about: 'no CA in the kubeconfig; SSL_CERT_DIR',
    links: { 'certs/ca.crt': '../../pki/ca.crt' },
    cluster: { server: 'https://127.0.0.1:API_PORT' },
    env: { SSL_CERT_DIR: '${DIR}/certs' },
  },
  {
    name: 'ca-system-file',
    about: 'no CA in the kubeconfig; SSL_CERT_FILE names it',
    cluster: { server: 'https://127.0.0.1:API_PORT' },
    env: { SSL_CERT_FILE: '${DIR}/../pki/ca.crt' },
  },
  // Credential plugins
  {
    name: 'cluster-info',
    about: 'provideClusterInfo: true',
    cluster: {
      server: 'https://127.0.0.1:API_PORT',
      'certificate-authority': '../pki/ca.crt',
      extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'team-a' } }],
    },
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
        provideClusterInfo: true,
      },
    },
    files: {
      plugin:
        '#!/bin/sh\ncase $KUBERNETES_EXEC_INFO in *\'"server":"https://127.0.0.1:API_PORT"\'*) ;; *) echo "cluster information is missing: $KUBERNETES_EXEC_INFO" >&2; exit 1;; esac\ncase $KUBERNETES_EXEC_INFO in *\'"config":\'*) ;; *) echo "no config in $KUBERNETES_EXEC_INFO" >&2; exit 1;; esac\ncase $KUBERNETES_EXEC_INFO in *\'"certificate-authority-data":\'*) ;; *) echo "no CA in $KUBERNETES_EXEC_INFO" >&2; exit 1;; esac\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
  },
  {
    name: 'cluster-info-off',
    about: 'provideClusterInfo not set',
    cluster: {
      server: 'https://127.0.0.1:API_PORT',
      'certificate-authority': '../pki/ca.crt',
      extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'team-a' } }],
    },
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\ncase $KUBERNETES_EXEC_INFO in *cluster*) exit 1;; esac\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
  },
  {
    name: 'plugin-always-notty',
    about: 'interactiveMode Always without a terminal',
    user: {
      exec: { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin', interactiveMode: 'Always' },
    },
    files: { plugin: '#!/bin/sh\necho "should not run" >&2\nsleep 100\n' },
    want: { exit: 1, notStderr: 'should not run', stderr: 'interactive|terminal' },
  },
  {
    name: 'plugin-always-tty',
    about: 'interactiveMode Always with a terminal',
    user: {
      exec: { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin', interactiveMode: 'Always' },
    },
    files: {
      plugin:
        '#!/bin/sh\ncase $KUBERNETES_EXEC_INFO in *\'"interactive":true\'*) ;; *) echo "not interactive: $KUBERNETES_EXEC_INFO" >&2; exit 1;; esac\nread code\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
    tty: true,
    stdin: 'x\n',
  },
  {
    name: 'plugin-and-token',
    about: 'both token and exec',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
      token: 'good',
    },
    files: { plugin: '#!/bin/sh\necho ran >&2\nexit 1\n' },
    want: { exit: 0, notStderr: '\\bran\\b' },
  },
  {
    name: 'plugin-bom',
    about: 'output with BOM',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\nprintf \'\\357\\273\\277\'\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
  },
  {
    name: 'plugin-cert-nokey',
    about: 'plugin returns a certificate without key',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      'cred.json':
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"clientCertificateData": "-----BEGIN CERTIFICATE-----\\nMIIBnTCCAUSgAwIBAgIUfRNNCbU6DB0kuzJ6MTtMqMUgxP0wCgYIKoZIzj0EAwIw\\nHDEaMBgGA1UEAwwRZXhhbXBsZSBjbGllbnQgQ0EwIBcNMjYxMTI3MTg1NjM1WhgP\\nMjEyNjExMDMxODU2MzVaMCcxFzAVBgNVBAoMDnN5c3RlbTptYXN0ZXJzMQwwCgYD\\nVQQDDANkZXYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASdnHLZsmCGH6ElFYPK\\nrlbwTvZGruiP0CZRy3fgMUVugJfzpxsAI7YWMi+2qg/hegUuvQRyaQv1KghSbo6o\\n4Zwao1cwVTATBgNVHSUEDDAKBggrBgEFBQcDAjAdBgNVHQ4EFgQUC8cqXlQLQc92\\n9fc8ZE8wC7cV09owHwYDVR0jBBgwFoAUFKJQsdMLRqERtL0zeDB4DzprLkwwCgYI\\nKoZIzj0EAwIDRwAwRAIgVeg/6ON8wg2iNCRINu+hzHMVkmq47RviAGBegKDi1pcC\\nIF3+4sBYOyTjB6x+9D9A2oTe7xkRt8I7eh5jr7S85z3r\\n-----END CERTIFICATE-----\\n"}}',
      plugin: '#!/bin/sh\ncat "$(dirname "$0")/cred.json"\n',
    },
    api: { clientCn: 'dev' },
    want: { exit: 1, stderr: 'plugin' },
  },
  {
    name: 'plugin-emptystatus',
    about: 'status without token',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{}}\'\n',
    },
    want: { exit: 1, stderr: 'plugin', notSeen: 'api GET' },
  },
  {
    name: 'plugin-env-novalue',
    about: 'env entry without value',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
        env: [{ name: 'WHO' }],
      },
    },
    files: {
      plugin:
        '#!/bin/sh\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
  },
  {
    name: 'plugin-env-path',
    about: 'exec env sets PATH; plugin found by own PATH',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: 'myplugin',
        interactiveMode: 'IfAvailable',
        env: [{ name: 'PATH', value: '/nowhere' }],
      },
    },
    files: {
      'bin/myplugin':
        '#!/bin/sh\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
    env: { PATH: '${DIR}/bin:${PATH}' },
  },
  {
    name: 'plugin-never-tty',
    about: 'interactiveMode Never with a terminal',
    user: {
      exec: { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin', interactiveMode: 'Never' },
    },
    files: {
      plugin:
        '#!/bin/sh\nif read code; then echo "read <$code>" >&2; else echo "stdin is at its end" >&2; fi\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
    tty: true,
    stdin: 'x\n',
    want: { exit: 0 },
  },
  {
    name: 'plugin-nostatus',
    about: 'no status',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential"}\'\n',
    },
    want: { exit: 1, stderr: 'plugin', notStderr: 'Cannot read properties' },
  },
  {
    name: 'plugin-null',
    about: 'prints null',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: { plugin: '#!/bin/sh\necho null\n' },
    want: { exit: 1, stderr: 'plugin', notSeen: 'api GET' },
  },
  {
    name: 'plugin-stderr',
    about: 'login hint on stderr, token after 4 s',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\necho "To sign in, open https://login.example.test and enter code ABC" >&2\nsleep 4\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
    firstWords: 'code ABC',
    want: { exit: 0, wordsBeforeEndMs: 2000 },
  },
  {
    name: 'plugin-stderr-ok',
    about: 'warning on stderr, exit 0',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\necho "warning: session ends in 5 minutes" >&2\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
    want: { exit: 0, stderr: 'session ends in 5 minutes' },
  },
  {
    name: 'plugin-stdin-closed',
    about: 'reads stdin, which is /dev/null',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\nif read code; then echo "read <$code>" >&2; else echo "stdin is at its end" >&2; fi\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
    want: { exit: 0 },
  },
  {
    name: 'plugin-stdin-pipe',
    about: 'reads stdin; our stdin is a pipe that stays open',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\nif read code; then echo "read <$code>" >&2; else echo "stdin is at its end" >&2; fi\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'\n',
    },
    stdinOpen: true,
    want: { exit: 0 },
  },
  {
    name: 'plugin-stdin-tty',
    about: 'asks for a code on the terminal',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\nprintf "MFA code: " >&2\nread code\nif [ "$code" = 123456 ]; then echo \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"good"}}\'; else echo "wrong code <$code>" >&2; exit 1; fi\n',
    },
    tty: true,
    stdin: '123456\n',
    want: { exit: 0, stdout: 'MFA code' },
  },
  {
    name: 'plugin-yaml',
    about: 'YAML output',
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        interactiveMode: 'IfAvailable',
      },
    },
    files: {
      plugin:
        '#!/bin/sh\ncat <<X\napiVersion: client.authentication.k8s.io/v1\nkind: ExecCredential\nstatus:\n  token: good\nX\n',
    },
  },
  // Entries that nobody uses
  {
    name: 'unused-authprovider',
    about: 'unused user: auth-provider without name',
    more: { users: [{ name: 'old', user: { 'auth-provider': { config: { a: 'b' } } } }] },
  },
  {
    name: 'unused-cluster-empty',
    about: 'unused cluster {}',
    more: { clusters: [{ name: 'old', cluster: {} }] },
  },
  {
    name: 'unused-cluster-missing',
    about: 'unused cluster entry without cluster',
    more: { clusters: [{ name: 'old' }] },
  },
  {
    name: 'unused-cluster-null',
    about: 'unused cluster null',
    more: { clusters: [{ name: 'old', cluster: null }] },
  },
  {
    name: 'unused-context-empty',
    about: 'unused context {}',
    more: { contexts: [{ name: 'old', context: {} }] },
  },
  {
    name: 'unused-context-nocluster',
    about: 'unused context without cluster',
    more: { contexts: [{ name: 'old', context: { user: 'u' } }] },
  },
  {
    name: 'unused-context-null',
    about: 'unused context null',
    more: { contexts: [{ name: 'old', context: null }] },
  },
  {
    name: 'unused-env',
    about: 'unused user: env without value',
    more: {
      users: [
        {
          name: 'old',
          user: {
            exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'x', env: [{ name: 'A' }] },
          },
        },
      ],
    },
  },
  {
    name: 'unused-exec-nocommand',
    about: 'unused user: exec without command',
    more: { users: [{ name: 'old', user: { exec: { apiVersion: 'client.authentication.k8s.io/v1' } } }] },
  },
  { name: 'unused-noname', about: 'unused user without name', more: { users: [{ user: { token: 'x' } }] } },
  {
    name: 'unused-null-entry',
    about: 'null entries in the lists',
    more: { users: [null], contexts: [null] },
  },
  // Credentials
  {
    name: 'authprovider-gcp',
    about: 'auth-provider gcp (removed in kubectl 1.26)',
    user: {
      'auth-provider': {
        name: 'gcp',
        config: {
          'access-token': 'good',
          expiry: '2020-01-01T00:00:00Z',
          'cmd-path': './plugin',
          'cmd-args': 'config',
        },
      },
    },
    want: { exit: 1, stderr: 'auth-provider|plugin', notStderr: 'not found' },
  },
  {
    name: 'oidc-norefresh-noidtoken',
    about: 'no id-token, only a refresh token',
    user: {
      'auth-provider': {
        name: 'oidc',
        config: {
          'client-id': 'kubernetes',
          'idp-issuer-url': 'http://127.0.0.1:ISSUER_PORT',
          'refresh-token': 'refresh-0',
        },
      },
    },
    api: {
      token:
        'eyJhbGciOiAiUlMyNTYifQ.eyJpc3MiOiAiaHR0cDovLzEyNy4wLjAuMToxNjQ0NSIsICJzdWIiOiAiZGV2IiwgImV4cCI6IDQxMDI0NDQ4MDAsICJuIjogMX0.c2ln',
    },
    issuer: {
      url: 'http://127.0.0.1:ISSUER_PORT',
      refreshToken: 'refresh-0',
      idToken:
        'eyJhbGciOiAiUlMyNTYifQ.eyJpc3MiOiAiaHR0cDovLzEyNy4wLjAuMToxNjQ0NSIsICJzdWIiOiAiZGV2IiwgImV4cCI6IDQxMDI0NDQ4MDAsICJuIjogMX0.c2ln',
    },
    want: { thenExit: 0, stderr: '^$|kubectl' },
  },
  {
    name: 'oidc-refresh',
    about: 'expired id-token, refresh token that can be used once; then kubectl',
    user: {
      'auth-provider': {
        name: 'oidc',
        config: {
          'client-id': 'kubernetes',
          'client-secret': 'geheim',
          'id-token':
            'eyJhbGciOiAiUlMyNTYifQ.eyJpc3MiOiAiaHR0cDovLzEyNy4wLjAuMToxNjQ0NSIsICJzdWIiOiAiZGV2IiwgImV4cCI6IDE2MDAwMDAwMDAsICJuIjogMH0.c2ln',
          'idp-issuer-url': 'http://127.0.0.1:ISSUER_PORT',
          'refresh-token': 'refresh-0',
        },
      },
    },
    api: {
      token:
        'eyJhbGciOiAiUlMyNTYifQ.eyJpc3MiOiAiaHR0cDovLzEyNy4wLjAuMToxNjQ0NSIsICJzdWIiOiAiZGV2IiwgImV4cCI6IDQxMDI0NDQ4MDAsICJuIjogMX0.c2ln',
    },
    issuer: {
      url: 'http://127.0.0.1:ISSUER_PORT',
      refreshToken: 'refresh-0',
      idToken:
        'eyJhbGciOiAiUlMyNTYifQ.eyJpc3MiOiAiaHR0cDovLzEyNy4wLjAuMToxNjQ0NSIsICJzdWIiOiAiZGV2IiwgImV4cCI6IDQxMDI0NDQ4MDAsICJuIjogMX0.c2ln',
    },
    want: { notStderr: 'instance of URL', thenExit: 0, stderr: '^$|kubectl' },
  },
  {
    name: 'own-client-encrypted',
    about: 'client key encrypted (traditional)',
    user: { 'client-certificate': '../pki/client.crt', 'client-key': '../pki/client-enc.key' },
    api: { clientCn: 'dev' },
    want: { exit: 1, stderr: 'client-key|client key|encrypted' },
  },
  {
    name: 'own-client-nokey',
    about: 'certificate without key',
    user: { 'client-certificate': '../pki/client.crt' },
    api: { clientCn: 'dev' },
    want: { exit: 1, stderr: 'client-key|key' },
  },
  {
    name: 'own-client-notbase64',
    about: 'client certificate data is no base64',
    user: { 'client-certificate-data': '@@@', 'client-key-data': '@@@' },
    api: { clientCn: 'dev' },
    want: { exit: 1, stderr: 'client-certificate|base64' },
  },
  {
    name: 'token-and-file',
    about: 'stale token, good tokenFile',
    user: { token: 'stale', tokenFile: 'token.txt' },
    files: { 'token.txt': 'good\n' },
  },
  {
    name: 'token-and-file-missing',
    about: 'good token, tokenFile missing',
    user: { token: 'good', tokenFile: 'missing.txt' },
  },
  {
    name: 'username-nopassword',
    about: 'username without password',
    user: { username: 'dev' },
    api: { basic: 'dev:' },
    want: { exit: 0, seen: 'Basic ZGV2Og==' },
  },
  // Files
  {
    name: 'own-dupkey',
    about: 'duplicate key',
    text: 'apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:API_PORT\n    certificate-authority: ../pki/ca.crt\nusers:\n- name: u\n  user:\n    token: bad\n    token: good\ncontexts:\n- name: x\n  context: {cluster: c, user: u}\ncurrent-context: x\n',
  },
  {
    name: 'own-merge',
    about: 'YAML merge key',
    text: 'apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: &c\n    server: https://127.0.0.1:1\n    certificate-authority: ../pki/ca.crt\n- name: d\n  cluster:\n    <<: *c\n    server: https://127.0.0.1:API_PORT\nusers:\n- name: u\n  user: {token: good}\ncontexts:\n- name: x\n  context: {cluster: d, user: u}\ncurrent-context: x\n',
  },
  {
    name: 'own-multi',
    about: 'KUBECONFIG: missing file, empty element, two files',
    files: {
      a: 'apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:API_PORT\n    certificate-authority: ../pki/ca.crt\nusers:\n- name: u\n  user:\n    token: good\ncontexts:\n- name: x\n  context: {cluster: c, user: u}\n- name: other\n  context: {cluster: c2, user: u2}\n',
      b: 'apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:API_PORT\n    certificate-authority: ../pki/ca.crt\nusers:\n- name: u\n  user:\n    token: bad\ncontexts:\n- name: x\n  context: {cluster: c, user: u}\ncurrent-context: x\n',
    },
    env: { KUBECONFIG: '${DIR}/missing:${DIR}/a::${DIR}/b:' },
  },
  { name: 'own-utf16', about: 'UTF-16 (PowerShell redirect)', isUtf16: true },
  {
    name: 'own-yes',
    about: 'insecure-skip-tls-verify: yes',
    text: 'apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:API_PORT\n    insecure-skip-tls-verify: yes\nusers:\n- name: u\n  user:\n    token: good\ncontexts:\n- name: x\n  context: {cluster: c, user: u}\ncurrent-context: x\n',
  },
  {
    name: 'server-query',
    about: 'URL with query',
    cluster: { server: 'https://127.0.0.1:API_PORT/?x=1', 'certificate-authority': '../pki/ca.crt' },
  },
  {
    name: 'server-upper',
    about: 'HTTPS:// in capitals',
    cluster: { server: 'HTTPS://127.0.0.1:API_PORT', 'certificate-authority': '../pki/ca.crt' },
  },
  // Answers
  { name: 'own-429', about: '429 with Retry-After: 1, twice', api: { tooMany: 2, token: 'good' } },
  {
    name: 'own-close-after',
    about: 'server closes each connection after its answer, without a header',
    api: { closeAfter: true, token: 'good' },
  },
  {
    name: 'own-list-5000',
    about: '5,000 pods, mistyped name',
    api: { manyPods: 5000, token: 'good' },
    want: { exit: 1, stderr: 'There is no pod', maxBytes: 2000000 },
    args: ['--pod=wbe', '--dest-node=node-b'],
  },
  {
    name: 'own-redirect',
    about: '307 to a path prefix',
    api: { redirect: '/k8s/clusters/c-1', token: 'good' },
  },
  {
    name: 'own-tls-alert',
    about: 'server wants a client certificate (TLS 1.2)',
    api: { token: 'good', rejectClients: true, tls: { maxVersion: 'TLSv1.2' } },
    want: { exit: 1, notStderr: 'does not speak TLS' },
  },
];
