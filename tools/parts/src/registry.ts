// Starts Debian's docker-registry on a free loopback port, with or without authentication.

export interface RunningRegistry extends AsyncDisposable {
  /** 127.0.0.1:PORT */
  readonly host: string
  /** Where it keeps its content. */
  readonly directory: string
  /** With authentication: a login that may do everything. */
  readonly login: { readonly username: string; readonly password: string } | undefined
  /** Every request that it answered so far, as `METHOD path status`. */
  requests(): Promise<readonly string[]>
  stop(): Promise<void>
}

export interface RegistryOptions {
  readonly auth?: 'none' | 'htpasswd' | 'token'
  readonly allowDelete?: boolean
}

export declare const startRegistry: (options?: RegistryOptions) => Promise<RunningRegistry>
