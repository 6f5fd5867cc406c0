// @polyarch/stores: opens the store that a location names.
export { parseMirrors, type StoreSettings, storeInputs } from './inputs.ts'
export { openStores, type Stores } from './stores.ts'
