// @polyarch/stores: opens the store that a location names.

export { readArtifact, writeArtifact } from './artifact.ts'
export { type FoundImage, type LookUpImage, openImageLookup, type PlatformImage } from './image-lookup.ts'
export { parseMirrors, type StoreSettings, storeInputs } from './inputs.ts'
export { openStores, type Stores } from './stores.ts'
