// Package routes is the table of every address that the server answers, and of who may ask it. The servers put their
// rows into it as they register their handlers, so a handler without a row cannot be reached; docs/routes.md is made of
// it, and tests ask every row as somebody who may not.
package routes
