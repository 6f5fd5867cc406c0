// @polyarch/parts: the real parts that tests, the demo and the benchmarks run against.
export * from './base-image.ts'
export * from './part.ts'
export * from './registry.ts'
export * from './sample-image.ts'
export * from './temporary.ts'
