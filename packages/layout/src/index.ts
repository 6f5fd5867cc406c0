// @polyarch/layout: a Store over an OCI image layout directory.
export { type LayoutOptions, openLayout } from './layout.ts'
export { layoutRoots, readLayoutIndex } from './layout-index.ts'
export { verifyLayout } from './verify.ts'
