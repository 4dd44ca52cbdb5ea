/** What an API server does, besides answering as one. */
export interface ApiSettings {
  /** The bearer token that it lets in; undefined: it does not look. */
  readonly token?: string;
  /** User and password. */
  readonly basic?: string;
  /** The common name of a client's certificate. */
  readonly clientCn?: string;
  /** Headers that each request must have. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Its own certificate. */
  readonly cert?: string;
  readonly host?: string;
  /** Without TLS. */
  readonly plain?: boolean;
  /** It wants a certificate of every client. */
  readonly rejectClients?: boolean;
  readonly tls?: { readonly maxVersion: 'TLSv1.2' };
  /** So many requests are refused with 429. */
  readonly tooMany?: number;
  /** Closes each connection after its answer, without a word. */
  readonly closeAfter?: boolean;
  /** Redirects to this prefix. */
  readonly redirect?: string;
  readonly manyPods?: number;
}

export interface ProxySettings {
  readonly socks?: boolean;
  /** Names that nobody else knows, and their addresses. */
  readonly names?: Readonly<Record<string, string>>;
  readonly login?: string;
  /** Wants a login that nobody has. */
  readonly deny?: boolean;
}

export interface IssuerSettings {
  readonly url: string;
  readonly refreshToken: string;
  readonly idToken: string;
}

/** Patterns, all of which must match. */
type Patterns = string | readonly string[];

export interface Case {
  readonly name: string;
  readonly about: string;
  /** Of the kubeconfig, in place of the usual ones. */
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
  /** Entries that are there as well. */
  readonly more?: {
    readonly clusters?: readonly unknown[];
    readonly users?: readonly unknown[];
    readonly contexts?: readonly unknown[];
  };
  /** The whole kubeconfig, where its YAML matters. */
  readonly text?: string;
  readonly isUtf16?: boolean;
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  /** Null: unset. */
  readonly env?: Readonly<Record<string, string | null>>;
  readonly args?: readonly string[];
  readonly api?: ApiSettings;
  readonly proxy?: ProxySettings;
  readonly issuer?: IssuerSettings;
  /** In a pod, with a service account. */
  readonly inPod?: boolean;
  /** On a terminal. */
  readonly tty?: boolean;
  readonly stdin?: string;
  readonly stdinOpen?: boolean;
  /** Words that come before the end. */
  readonly firstWords?: string;
  readonly want?: {
    readonly exit?: number;
    readonly stdout?: Patterns;
    readonly stderr?: Patterns;
    readonly notStderr?: Patterns;
    /** Requests to any of the servers: who was asked, method, path, headers. */
    readonly seen?: Patterns;
    readonly notSeen?: Patterns;
    readonly maxBytes?: number;
    /** How long before the end the first words come, at least. */
    readonly wordsBeforeEndMs?: number;
    /** Of kubectl, afterwards. */
    readonly thenExit?: number;
  };
}
