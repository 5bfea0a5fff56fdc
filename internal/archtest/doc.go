// Package archtest keeps the house rules that a machine can judge: who may import whom, that nothing runs or changes
// behind the composition root's back (no init, no mutable package variables), that time is a parameter, and that every
// package says what it is.
//
// It parses every Go file of the module instead of asking `go list`: a rule then also holds for files behind a build
// tag, and the test cache notices every changed file, because the test itself has opened it.
//
// Rules speak of direct imports (who may hold a thing) or of reach (what a package may not come to depend on through
// other packages of this module). Production code is judged; tests may import what they need, but where a rule says
// otherwise. A row about a package that does not exist holds.
//
// The judges are plain functions over a Module, so each is proven on small invented modules that break it.
package archtest
