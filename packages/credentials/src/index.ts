// @polyarch/credentials: credentials for registries, from the first source that has one for exactly the host.
export type { Credential, Secret } from './credential.ts'
export { type CredentialSources, type FindCredential, openCredentials } from './credentials.ts'
export type { HelperResult, RunHelper } from './helper.ts'
