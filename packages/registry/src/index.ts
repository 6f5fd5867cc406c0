// @polyarch/registry
export {}
