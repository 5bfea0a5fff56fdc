// Package evidence keeps what a merchant gives instead of a face: pictures of the identity card and a few words on who
// holds it.
//
// Nothing that arrives is stored as it arrived. A picture is decoded, turned upright, made smaller and drawn anew as a
// JPEG, so neither its metadata (the place where it was taken) nor anything hidden in the file lives on. What is drawn
// is sealed in the vault; a row in the store says that it is there, until when, and nothing of what it shows.
//
// Evidence belongs to one stay in the manual review. The decision that ends the stay, whichever way it is made, ends
// that: nothing is added any more, and some days later everything is deleted. See Cabinet.Tidy.
package evidence
