// @polyarch/engine
export {}
