// Package e2e tests the finished binary from outside: it starts "verigate demo" as a newcomer would, and is the
// account service, the merchant, the phone and the reviewer.
//
// Nothing of the program is linked in but its vocabulary. The structs of the API are written here anew and decoded
// strictly, so an answer that grew a field nobody documented is noticed.
//
// VERIGATE_BIN and VERIGATE_FAILPOINT_BIN name the two binaries; "make e2e" builds them and sets both. Without the
// first nothing can be tested and everything is skipped. VERIGATE_E2E_ALL=1 runs every cell of the crash table
// instead of a fixed selection, and kills sweeps, imports and deliveries 50 times each instead of 3. VERIGATE_E2E_SEED
// repeats the random moments of a run that printed it.
//
// Whoever the tests submit bears a name and a number that are found again wherever they leak to (see canary): in any
// answer, and, when a demonstration has ended, in its output and in every file that it leaves behind.
//
// Nothing here sleeps. A state is awaited on the event stream, a process by its ready file or its end, and deadlines
// are so generous that only what never happens fails.
package e2e
