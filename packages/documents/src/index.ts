// @polyarch/documents: the documents that the steps hand each other.
export * from './digest-record.ts'
export * from './document.ts'
export * from './document-file.ts'
export * from './fields.ts'
export * from './lookup.ts'
export * from './merge-result.ts'
export * from './naming.ts'
export * from './plan.ts'
