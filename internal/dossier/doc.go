// Package dossier writes everything that is on record of one account: as one signed JSON object that proves itself
// without this program's database, and as a page to read. It is the evidence for a supervisor and, with the personal
// part, the copy that the person concerned may ask for.
//
// The signature is over the digest of every byte before the proof, so nobody has to agree on how JSON is canonical; the
// log stands in it as it is stored, so its hash chain can be made again. See docs/export.md.
package dossier
