// @polyarch/layout
export {}
