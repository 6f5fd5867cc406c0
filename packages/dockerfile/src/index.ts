// @polyarch/dockerfile
export {}
