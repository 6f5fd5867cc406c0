// @polyarch/stores: opens the store that a location names.
import { type Host, lines, list, text } from '@polyarch/ci-host'
import type { Store, StoreLocation } from '@polyarch/oci'

/** The inputs that every step has, for reaching registries. */
export const storeInputs = {
  'registry-auth': lines('Logins: lines of host=user:password, or a docker config JSON', { secret: true }),
  'insecure-registries': list('Registry hosts that may be spoken to over plain HTTP or with an unknown certificate'),
  'ca-file': text('A PEM file of certificate authorities to trust besides the system’s'),
  'registry-mirrors': list('Mirrors to read from first, as host=mirror'),
}

export interface StoreSettings {
  readonly 'registry-auth': readonly string[]
  readonly 'insecure-registries': readonly string[]
  readonly 'ca-file'?: string | undefined
  readonly 'registry-mirrors': readonly string[]
}

/** Opens stores for one step; connections are shared between them and closed together. */
export interface Stores extends AsyncDisposable {
  /** The store at the location; relative layout directories start at the host's directory. */
  open(location: StoreLocation): Store
}

export declare const openStores: (settings: StoreSettings, host: Host) => Promise<Stores>
