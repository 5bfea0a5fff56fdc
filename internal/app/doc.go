// Package app is the composition root: the only place where stores, engine, provider, worker, gate and API are
// chosen, built, started and stopped.
//
// Start builds in the order in which things need each other and Stop undoes it in reverse, within the time that its
// context leaves. It is also the only place that reads the real clock: everything gets business time, which is the
// real time plus an offset that is zero but in demonstrations.
//
// The data of a demonstration (clock, keys, ports, databases) lies in one directory, so that a restart goes on where
// the last run ended and removing the directory removes everything.
package app
