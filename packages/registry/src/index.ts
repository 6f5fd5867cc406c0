// @polyarch/registry: a Store over the distribution HTTP API.
export type { Access, ClientCertificate, Clock, Limits, Login, ProxySettings, RegistryOptions } from './options.ts'
export { openRegistry, type RegistryClient } from './registry-client.ts'
