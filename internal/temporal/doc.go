// Package temporal is this system's side of Temporal: the client with its payload encryption, and the engine that
// the API drives verifications with.
//
// # What leaves this process
//
// Every payload (inputs, results, summaries, heartbeats) and the message, details and stack of every failure are
// encrypted before they leave: the SDK's default converter would send the texts of failures in clear even where a
// codec is set. Ids, search attributes and error types cannot be encrypted, which is why they never hold anything
// but opaque ids and codes. A payload that arrives unencrypted is refused: whoever can write to the server could
// otherwise slip one in.
//
// # What a caller is told when Temporal does not answer
//
// Three answers, and never a guess: the command was judged (its result, or a refusal), the command was certainly not
// taken, or its outcome is unknown. After the last one the same command under the same id tells how it went.
package temporal
